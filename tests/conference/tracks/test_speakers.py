"""Speakers and connection quality: the server reports only changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference import limits
from conference.ground.events import Grade, QualityChanged, Reason, SpeakersChanged, Speaking
from conference.tracks.quality import grade_of, opinion, rating
from tests.conference.doubles import Listener, World, figures
from tests.conference.parties import MICROPHONE, Party


@pytest.fixture
def world() -> World:
    return World()


def test_active_speakers_are_reported_when_they_change(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    (sid,) = ann.publish(MICROPHONE)
    producer = ann.participant.tracks[sid].producer
    router = world.media.routers[0]
    router.on_speakers([(producer, 0.52)])
    world.time.turn()
    assert ben.client.last(SpeakersChanged).speakers == (Speaking(ann.sid, 0.5, True),)
    router.on_speakers([(producer, 0.9)])
    router.on_speakers([(producer, 0.53)])
    world.time.advance(limits.SPEAKERS_S)
    assert len(ben.client.of(SpeakersChanged)) == 1  # same as the last report
    router.on_speakers([])
    world.time.turn()
    assert ben.client.last(SpeakersChanged).speakers == (Speaking(ann.sid, 0.0, False),)


def test_the_last_word_is_remembered_for_a_time(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(MICROPHONE)
    speakers = world.registry.get("c").speakers
    speakers.play(ann.sid, 1.0, 1.0)
    assert not speakers.spoke_within(60)
    world.media.routers[0].on_speakers([(ann.participant.tracks[sid].producer, 1.0)])
    world.time.advance(100)
    assert speakers.spoke_within(60)
    world.registry.get("c").remove(ann.participant, Reason.CLIENT_INITIATED)
    world.time.advance(59)
    assert speakers.spoke_within(60)
    world.time.advance(2)
    assert not speakers.spoke_within(60)


def test_not_more_often_than_the_period(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(MICROPHONE)
    producer = ann.participant.tracks[sid].producer
    for step in range(80):
        world.media.routers[0].on_speakers([(producer, (step % 8 + 1) / 8)])
        world.time.advance(limits.SPEAKERS_S / 10)
    assert len(ann.client.of(SpeakersChanged)) <= 9


def test_a_newcomer_is_sent_the_active_speakers(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(MICROPHONE)
    world.media.routers[0].on_speakers([(ann.participant.tracks[sid].producer, 1.0)])
    world.time.turn()
    ben = Party(world, "ben")
    assert ben.client.last(SpeakersChanged).speakers[0].participant_sid == ann.sid


def test_a_resumed_client_learns_who_fell_silent(world: World) -> None:
    ann, ben, mum = (Party(world, name) for name in ("ann", "ben", "mum"))
    speak = world.media.routers[0].on_speakers
    producers = [one.participant.tracks[one.publish(MICROPHONE)[0]].producer for one in (ann, ben)]
    speak([(producers[0], 1.0), (producers[1], 1.0)])
    world.time.advance(limits.SPEAKERS_S)
    mum.participant.detach(mum.client)
    speak([(producers[1], 1.0)])
    world.time.advance(limits.SPEAKERS_S)
    again = Listener()
    mum.conference.resume("mum", mum.sid, again)
    assert set(again.last(SpeakersChanged).speakers) == {Speaking(ben.sid, 1.0, True), Speaking(ann.sid, 0.0, False)}
    speak([(producer, 1.0) for producer in producers])
    world.time.advance(limits.SPEAKERS_S)
    mum.conference.resume("mum", mum.sid, again)
    assert {one.active for one in again.last(SpeakersChanged).speakers} == {True}
    ann.participant.leave(Reason.CLIENT_INITIATED)
    speak([])
    world.time.advance(limits.SPEAKERS_S)
    mum.conference.resume("mum", mum.sid, again)
    assert again.last(SpeakersChanged).speakers == (Speaking(ben.sid, 0.0, False),)
    world.pass_time(limits.SILENCE_REPEAT_S + 1)
    told = len(again.of(SpeakersChanged))
    mum.conference.resume("mum", mum.sid, again)
    assert len(again.of(SpeakersChanged)) == told


@pytest.mark.parametrize(
    ("loss", "rtt_ms", "grade"),
    [
        (0.0, 20, Grade.EXCELLENT),
        (0.03, 50, Grade.EXCELLENT),
        (0.08, 50, Grade.GOOD),
        (0.2, 50, Grade.POOR),
        (0.0, 500, Grade.GOOD),
        (0.0, 900, Grade.POOR),
        (0.0, -1, Grade.EXCELLENT),
    ],
)
def test_grades(loss: float, rtt_ms: float, grade: Grade) -> None:
    assert grade_of(rating(figures(down=loss, rtt_ms=rtt_ms))) is grade


def test_opinions() -> None:
    assert 4.3 < opinion(93.2) < 4.5
    assert opinion(0) == 1


def test_connection_quality_is_reported_when_it_changes(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    for party in (ann, ben):
        world.media.figures[party.peer.id] = figures()
    world.pass_time(limits.QUALITY_S + 1)
    told = ann.client.last(QualityChanged)
    assert {one.participant_sid: one.grade for one in told.grades} == {
        ann.sid: Grade.EXCELLENT,
        ben.sid: Grade.EXCELLENT,
    }
    world.pass_time(limits.QUALITY_S * 3)
    assert len(ann.client.of(QualityChanged)) == 1
    world.media.figures[ben.peer.id] = figures(up=0.3)
    world.pass_time(limits.QUALITY_S * 2)
    assert [(one.participant_sid, one.grade) for one in ann.client.last(QualityChanged).grades] == [
        (ben.sid, Grade.POOR)
    ]


def test_a_lost_connection_is_not_reported_to_its_own_client(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ben.peer.ice("disconnected")
    world.pass_time(limits.QUALITY_S + 1)
    assert [one.grade for one in ann.client.last(QualityChanged).grades] == [Grade.LOST]
    assert not any(one.grade is Grade.LOST for event in ben.client.of(QualityChanged) for one in event.grades)


def test_hidden_participants_are_never_reported(world: World) -> None:
    ann, ben, ghost = Party(world, "ann"), Party(world, "ben"), Party(world, "ghost", hidden=True)
    (sid,) = ben.publish(MICROPHONE)
    world.media.routers[0].on_speakers([(ben.participant.tracks[sid].producer, 1.0)])
    for party in (ann, ben, ghost):
        world.media.figures[party.peer.id] = figures()
    world.pass_time(limits.QUALITY_S + 1)
    ben.participant.change_grants(replace(ben.participant.grants, hidden=True))
    newcomer = Party(world, "newcomer")
    graded = {one.participant_sid for told in newcomer.client.of(QualityChanged) for one in told.grades}
    assert graded == {ann.sid}
    assert not newcomer.client.of(SpeakersChanged)
    ann.client.clear()
    world.pass_time(limits.QUALITY_S * 2)
    assert not any(one.participant_sid == ben.sid for told in ann.client.of(QualityChanged) for one in told.grades)
    for one in (ben, ghost):
        one.participant.change_grants(replace(one.participant.grants, hidden=False))
    world.pass_time(limits.QUALITY_S * 2)
    graded = {one.participant_sid for told in ann.client.of(QualityChanged) for one in told.grades}
    assert graded >= {ben.sid, ghost.sid}, "as of somebody who has come"


def test_played_speakers_are_reported_at_the_normal_rate(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    played = world.registry.get("c").speakers.play
    for _ in range(1000):
        for one in (ann, ben):
            played(one.sid, 1.0, 1.0)
        world.time.advance(0.01)
    told = ben.client.of(SpeakersChanged)
    assert 2 * 3 <= len(told) <= 10 / limits.SPEAKERS_S
    active = [one for event in told for one in event.speakers if one.active and one.participant_sid == ann.sid]
    assert len(active) == 4, "each second of speech is followed by two without"
    played(ann.sid, 1.0, 30.0)
    world.time.advance(limits.PLAYED_GAP_S)
    ann.participant.leave(Reason.CLIENT_INITIATED)
    ben.client.clear()
    world.time.advance(60)
    assert not ben.client.of(SpeakersChanged)
