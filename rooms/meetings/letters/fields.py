"""The content of a letter as plain values with fixed names. An office's own DOCX template uses the same names as fields.

Layout and wording follow Decree 30/2020/NĐ-CP (appendix III, form of giấy mời). Party offices have their own header (Hướng dẫn
36-HD/VPTW). The fields hold no secret: no PIN, no password, no personal link.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes.dates import REASONS
from rooms.booking.holds import rehearsals
from rooms.booking.meeting import attendees
from rooms.errors import Refusal, Trouble
from rooms.meetings import links, wording
from rooms.meetings.letters import addressing
from rooms.org.names import cleaned
from rooms.store.tables.booking import Reservation
from rooms.store.tables.meetings import Attendee, DocumentRef, Letter, Meeting, Occurrence
from rooms.store.tables.org import Holding, Person, Post, Unit
from rooms.store.tables.sites import Hall, Site

KINDS: Final = ("invite", "amend", "cancel")
Fields = dict[str, Any]

TEXTS: Final[Mapping[str, str]] = {
    "agency_above": "cơ quan chủ quản, in hoa; có thể trống",
    "number": "số",
    "symbol": "ký hiệu, như GM-UBND",
    "place_date": "địa danh và ngày tháng",
    "title": "GIẤY MỜI hoặc THÔNG BÁO",
    "subject": "trích yếu",
    "replaces": "văn bản được thay thế hoặc bị hủy",
    "opening": "câu mời",
    "name": "tên cuộc họp",
    "content": "nội dung",
    "form": "hình thức họp",
    "chair": "chủ trì",
    "time": "thời gian",
    "reason": "lý do hủy",
    "closing": "câu kết",
    "signer_name": "họ tên người ký",
    "address": "địa chỉ trong mã QR; trống khi họp quan trọng",
    "join_number": "mã cuộc họp để dự qua trình duyệt; trống khi chưa duyệt hoặc họp quan trọng",
    "join_address": "địa chỉ trang vào họp",
    "test_address": "địa chỉ trang kiểm tra thiết bị",
}
LISTS: Final[Mapping[str, str]] = {
    "nation": "các dòng quốc hiệu, tiêu ngữ",
    "agency": "các dòng tên cơ quan, in hoa",
    "recipients": "thành phần được mời",
    "times": "các ngày họp khác của lịch lặp",
    "places": "địa điểm, theo điểm cầu",
    "agenda": "chương trình",
    "papers": "tài liệu, văn bản",
    "requirements": "yêu cầu",
    "changes": "nội dung thay đổi",
    "copies": "nơi nhận",
    "signing": "các dòng quyền hạn, chức vụ người ký",
}
SITES = "sites"
"""The annex, as [{"unit", "site", "address"}, …], for letters with too many places for the text."""
NATION = ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"]
PARTY = ["ĐẢNG CỘNG SẢN VIỆT NAM"]
MAIN_PLACE = "Điểm cầu chính:"
"""How the lines of the booked halls begin."""
RECIPIENTS_NAMED = 16
PLACES_NAMED = 6
GROUP_LEAST = 5
"""Attendees of one tier (province, district, commune). Chosen. It counts only for more than 16 recipients (RECIPIENTS_NAMED).
Up to this number, the letter of invitation names each attendee of the tier; above it, one line counts them. Larger: a long list
of recipients. Smaller: short lists become counts.
"""
TIMES_NAMED = 12
TIERS = {1: "cấp tỉnh", 2: "cấp huyện", 3: "cấp xã"}
PERSONS = 9
"""In a letter, recipients are grouped by their tier (1 to 3). People and guests have no tier; this is the number of their
group. Chosen: groups are sorted. Larger: no effect. Smaller than 4: people are listed under the heading of a tier.
"""


async def draft(
    session: AsyncSession,
    meeting_id: str,
    kind: str,
    signer_id: str | None,
    dated: date,
    base: str = "",
    number: str = "",
    symbol: str = "",
    note: str = "",
    date_id: str = "",
    checks: bool = True,
) -> Fields:
    """Return the fields of a letter of `kind` for the present meeting. The caller may change the fields before the letter is
    stored.

    `date_id`: the only date of a series that the letter is about. Empty: all dates. `base`: the address of this installation,
    without a slash, for the QR code of an ordinary meeting. `checks`: people may check their devices at `links.CHECK_PAGE`. Raise
    Refusal.
    """
    if kind not in KINDS:
        raise Refusal(
            "bad_letter",
            "Loại văn bản: giấy mời, thay đổi hoặc hủy.",
            "the kind of letter must be invitation, change or cancellation",
        )
    meeting = await session.get(Meeting, meeting_id)
    if meeting is None:
        raise Refusal("unknown_meeting", "Không tìm thấy cuộc họp.", "no such meeting")
    host = await session.get_one(Unit, meeting.host_unit_id)
    invited = await attendees.listed(session, meeting.id)
    fields = _empty()
    fields |= await _header(session, host, kind, dated, number, symbol)
    fields |= await _what(session, meeting, host, kind)
    names = await addressing.addressees(session, invited, dated)
    fields |= await _whom(session, invited, names)
    fields |= await _where(session, meeting, invited, names, date_id)
    fields |= await _signer(session, host, signer_id or meeting.chair_id, dated)
    fields |= _online(meeting, base, checks)
    if note:
        fields["requirements"] = [*fields["requirements"], cleaned(note)]
    if kind != "invite":
        fields |= await _against_last(session, meeting, fields, kind)
    if date_id:
        fields |= await _of_one_date(session, meeting, host, kind, date_id, fields)
    return checked(fields)


async def _of_one_date(
    session: AsyncSession, meeting: Meeting, host: Unit, kind: str, date_id: str, fields: Fields
) -> Fields:
    """Return the fields that differ in a letter about one date. The letter says that the other dates stay."""
    date = await session.get(Occurrence, date_id)
    if date is None or date.meeting_id != meeting.id:
        raise Refusal("unknown_date", "Không tìm thấy buổi họp này. Hãy tải lại trang.", "no such date of the meeting")
    day, unit = wording.day(date.original_at), addressing.agency(host)
    changed: Fields = {"time": wording.moment(date.starts_at), "times": [], "changes": []}
    if fields["replaces"]:
        changed["replaces"] = (
            fields["replaces"].replace("Hủy", "Hủy một buổi theo").replace("Thay thế", "Điều chỉnh một buổi theo")
        )
    if kind == "cancel":
        reason = ": ".join(filter(None, (REASONS.get(date.reason_code, ("",))[0], date.reason)))
        changed |= {
            "subject": f"Về việc hủy buổi họp {day}: {meeting.title}",
            "opening": f"{unit} thông báo hủy một buổi của cuộc họp định kỳ sau đây, kính gửi:",
            "reason": reason,
            "closing": "Các buổi khác của cuộc họp giữ nguyên. Trân trọng thông báo./.",
        }
    if kind == "amend":
        was = wording.moment(date.original_at)
        moved = (
            [f"Thời gian: {changed['time']} (theo lịch định kỳ: {was})"] if date.starts_at != date.original_at else []
        )
        changed |= {
            "subject": f"Thay đổi buổi họp {day}: {meeting.title}",
            "changes": [*moved, "Các buổi khác của cuộc họp giữ nguyên"],
        }
    return changed


def checked(fields: Mapping[str, Any]) -> Fields:
    """Return all fields, with every text cleaned. Raise Refusal `bad_letter` with the troubles: unknown fields, and values of a
    wrong kind or length.
    """
    troubles = [
        Trouble("unknown_field", f"Không có trường {name}.", f"no field {name}", name)
        for name in fields.keys() - TEXTS.keys() - LISTS.keys() - {SITES}
    ]
    result: Fields = _empty()
    for name in TEXTS.keys() & fields.keys():
        _keep_text(result, name, fields[name], troubles)
    for name in LISTS.keys() & fields.keys():
        _keep_list(result, name, fields[name], troubles)
    _keep_sites(result, fields.get(SITES, []), troubles)
    if troubles:
        raise Refusal(
            "bad_letter",
            "Nội dung văn bản có chỗ chưa đúng.",
            "the letter has wrong fields: correct the fields shown",
            troubles[:50],
        )
    result["nation"] = result["nation"][:2] or NATION
    return result


def sample() -> Fields:
    """Return a sample letter for the test of a template."""
    return checked(
        {
            "agency": ["ỦY BAN NHÂN DÂN", "TỈNH LONG AN"],
            "nation": NATION,
            "number": "12",
            "symbol": "GM-UBND",
            "place_date": wording.place_and_date("Long An", date(2021, 6, 4)),
            "title": "GIẤY MỜI",
            "subject": "Họp trực tuyến giao ban tháng 6",
            "opening": "Ủy ban nhân dân tỉnh Long An trân trọng kính mời:",
            "recipients": ["Chủ tịch UBND xã Đức Hòa", "Giám đốc Sở Y tế"],
            "name": "Họp giao ban tháng 6",
            "content": "Phòng, chống dịch Covid-19.",
            "form": "Trực tuyến",
            "chair": "Đồng chí Phạm Tấn Hòa - Phó Chủ tịch UBND tỉnh",
            "time": "14 giờ 00 phút, thứ Sáu, ngày 11 tháng 6 năm 2021",
            "places": ["Điểm cầu chính: Hội trường A"],
            "requirements": ["Dự họp đúng thành phần."],
            "closing": "Trân trọng./.",
            "copies": ["Như trên", "Lưu: VT"],
            "signing": ["TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"],
            "signer_name": "Phạm Tấn Hòa",
            "sites": [{"unit": "UBND xã Đức Hòa", "site": "Hội trường UBND", "address": "Hậu Nghĩa"}],
        }
    )


def _empty() -> Fields:
    return {**dict.fromkeys(TEXTS, ""), **{name: [] for name in LISTS}, SITES: []}


def _keep_text(result: Fields, name: str, value: object, troubles: list[Trouble]) -> None:
    if not isinstance(value, str) or len(value) > limits.LETTER_TEXT_CHARACTERS:
        troubles.append(
            Trouble(
                "bad_field",
                f"Trường {name} phải là chữ, không quá dài.",
                "the field must be a text that is not too long",
                name,
            )
        )
        return
    result[name] = "\n".join(cleaned(line) for line in value.splitlines())


def _keep_list(result: Fields, name: str, value: object, troubles: list[Trouble]) -> None:
    if (
        not isinstance(value, list)
        or len(value) > limits.LETTER_LINES
        or not all(isinstance(line, str) and len(line) <= limits.LETTER_TEXT_CHARACTERS for line in value)
    ):
        troubles.append(
            Trouble("bad_field", f"Trường {name} phải là các dòng chữ.", "the field must be lines of text", name)
        )
        return
    result[name] = [cleaned(line) for line in value]


def _keep_sites(result: Fields, value: object, troubles: list[Trouble]) -> None:
    names = ("unit", "site", "address")
    if (
        not isinstance(value, list)
        or len(value) > limits.LETTER_LINES
        or not all(isinstance(row, dict) and all(isinstance(row.get(n, ""), str) for n in names) for row in value)
    ):
        troubles.append(Trouble("bad_field", "Danh sách điểm cầu không đúng.", "the list of sites is not valid", SITES))
        return
    result[SITES] = [{name: cleaned(row.get(name, ""))[:300] for name in names} for row in value]


async def _header(session: AsyncSession, host: Unit, kind: str, dated: date, number: str, symbol: str) -> Fields:
    parent = await session.get(Unit, host.parent_id) if host.parent_id else None
    party = host.block == "party"
    prefix = "TB" if kind == "cancel" else "GM"
    place = await _place(session, host)
    return {
        "agency_above": addressing.superior(host, parent).upper(),
        "agency": wording.heading(addressing.agency(host)),
        "nation": PARTY if party else NATION,
        "number": cleaned(number),
        "symbol": cleaned(symbol)
        or f"{prefix}{'/' if party else '-'}{host.symbol.split('-')[0] or _initials(host.short_name or host.name)}",
        "place_date": wording.place_and_date(place, dated) if place else wording.place_and_date("", dated).lstrip(", "),
        "title": "THÔNG BÁO" if kind == "cancel" else "GIẤY MỜI",
    }


async def _place(session: AsyncSession, unit: Unit) -> str:
    """Return the place in the unit's own name, or in the name of the nearest unit above it."""
    name = wording.place_name(unit.name)
    while not name and unit.parent_id:
        unit = await session.get_one(Unit, unit.parent_id)
        name = wording.place_name(unit.name)
    return name


def _initials(name: str) -> str:
    """Return "SYT" for "Sở Y tế", and "UBND" for any people's committee. An abbreviation stays the same."""
    if name.startswith(("UBND", "Ủy ban nhân dân")):
        return "UBND"
    return name if name.isupper() else "".join(word[0] for word in name.split()).upper()


async def _what(session: AsyncSession, meeting: Meeting, host: Unit, kind: str) -> Fields:
    chair = await session.get(Person, meeting.chair_id) if meeting.chair_id else None
    first, others = await _times(session, meeting)
    day = wording.local(meeting.first_starts_at).date()
    papers = await session.scalars(
        select(DocumentRef).where(DocumentRef.meeting_id == meeting.id).order_by(DocumentRef.number)
    )
    calls_off = kind == "cancel"
    return {
        "subject": f"Về việc hủy cuộc họp: {meeting.title}" if calls_off else meeting.title,
        "name": meeting.title,
        "opening": f"{addressing.agency(host)} thông báo hủy cuộc họp sau đây, kính gửi:"
        if calls_off
        else f"{addressing.agency(host)} trân trọng kính mời:",
        "content": meeting.description,
        "form": "Trực tuyến trên hệ thống hội nghị truyền hình, tại hội trường các điểm cầu"
        if meeting.class_ == "important"
        else "Trực tuyến, tại các điểm cầu và qua trình duyệt",
        "chair": f"Đồng chí {await attendees.person_label(session, chair, day)}" if chair else "",
        "time": first,
        "times": others,
        "agenda": [_agenda_line(item) for item in meeting.agenda],
        "papers": [_paper(one) for one in papers],
        "reason": meeting.reason if calls_off else "",
        "requirements": [] if calls_off else await _requirements(session, meeting),
        "closing": "Trân trọng thông báo./." if calls_off else "Trân trọng./.",
    }


async def _times(session: AsyncSession, meeting: Meeting) -> tuple[str, list[str]]:
    """Return the first date that takes place (otherwise the first date), and the other dates of a series."""
    rows = list(
        await session.scalars(
            select(Occurrence).where(Occurrence.meeting_id == meeting.id).order_by(Occurrence.starts_at)
        )
    )
    standing = [one.starts_at for one in rows if one.state in ("planned", "running")] or [one.starts_at for one in rows]
    if not standing:
        return wording.moment(meeting.first_starts_at), []
    others = [wording.moment(at) for at in standing[1 : TIMES_NAMED + 1]]
    if len(standing) > TIMES_NAMED + 1:
        last = wording.moment(standing[-1])
        others.append(f"và {len(standing) - TIMES_NAMED - 1} buổi tiếp theo, buổi cuối: {last}")
    return wording.moment(standing[0]), others


def _agenda_line(item: Mapping[str, Any]) -> str:
    minutes = f" ({item['minutes']} phút)" if item.get("minutes") else ""
    presenter = f" - {item['presenter']}" if item.get("presenter") else ""
    return f"{item.get('title', '')}{presenter}{minutes}"


def _paper(document: DocumentRef) -> str:
    dated = f" ngày {wording.short_date(document.dated)}" if document.dated else ""
    issuer = f" của {document.issuer}" if document.issuer else ""
    subject = f" {document.subject}" if document.subject else ""
    return f"{document.number}{dated}{issuer}{subject}"


async def _requirements(session: AsyncSession, meeting: Meeting) -> list[str]:
    date = await rehearsals.planned(session, meeting.id)
    if date is None:
        return _ways_to_attend(meeting)
    when = wording.span(date.starts_at, date.ends_at)
    return [*_ways_to_attend(meeting), f"Tổng duyệt {when}: các điểm cầu cử cán bộ kỹ thuật trực, bố trí biển tên."]


def _ways_to_attend(meeting: Meeting) -> list[str]:
    if meeting.class_ == "important":
        return [
            "Dự họp đúng thành phần, tại hội trường của điểm cầu; cuộc họp quan trọng không dự qua trình duyệt, điện thoại.",
            "Cán bộ kỹ thuật điểm cầu kiểm tra đường truyền và có mặt trước giờ họp 60 phút.",
        ]
    return [
        "Đại biểu xác nhận dự họp theo liên kết trong thư điện tử công vụ; trường hợp cử người dự thay, đề nghị báo trước.",
        "Các điểm cầu kết nối, kiểm tra âm thanh, hình ảnh trước giờ họp 15 phút.",
    ]


def _online(meeting: Meeting, base: str, checks: bool) -> Fields:
    """Return how people join by browser: of an ordinary meeting, and only once it has a number. The PIN is not a field, because
    fields are stored; only the letter to one recipient shows the PIN (`typesetting.pdf_set`).
    """
    if not base or meeting.class_ != "ordinary":
        return {}
    if meeting.state != "approved" or not meeting.number:
        return {"address": links.meeting_address(base, meeting.id)}
    return {
        "address": f"{base}{links.JOIN_PAGE}?number={meeting.number}",
        "join_number": wording.number(meeting.number),
        "join_address": f"{base}{links.JOIN_PAGE}",
        "test_address": f"{base}{links.CHECK_PAGE}" if checks else "",
    }


async def _whom(session: AsyncSession, invited: Sequence[Attendee], names: Mapping[str, str]) -> Fields:
    named = [one for one in invited if one.role != "chair"]
    copies = ["Như trên", "Lưu: VT"]
    if len(named) <= RECIPIENTS_NAMED:
        return {"recipients": [names[one.id] for one in named], "copies": copies}
    units = await _units(session, named)
    groups: dict[int, list[str]] = {}
    for one in named:
        tier = units[one.unit_id].tier if one.unit_id in units else PERSONS
        groups.setdefault(tier, []).append(names[one.id])
    lines = [line for tier, labels in sorted(groups.items()) for line in grouped(labels, TIERS.get(tier, ""))]
    return {"recipients": lines, "copies": copies}


def grouped(labels: Sequence[str], tier: str) -> list[str]:
    """Replace more than GROUP_LEAST labels with one line that refers to the annex. Example: "Chủ tịch UBND xã (96 đơn vị cấp
    xã, danh sách kèm theo)".
    """
    if len(labels) <= GROUP_LEAST:
        return list(labels)
    words = [one.split() for one in labels]
    shared = 0
    while all(len(one) > shared + 1 and one[shared] == words[0][shared] for one in words):
        shared += 1
    prefix = " ".join(words[0][:shared])
    count = f"{len(labels)} đơn vị {tier}".strip() if tier else f"{len(labels)} đại biểu"
    return [f"{prefix} ({count}, danh sách kèm theo)" if prefix else f"{count} (danh sách kèm theo)"]


async def _units(session: AsyncSession, invited: Sequence[Attendee]) -> dict[str | None, Unit]:
    ids = {one.unit_id for one in invited if one.unit_id}
    return {one.id: one for one in await session.scalars(select(Unit).where(Unit.id.in_(ids)))}


async def _where(
    session: AsyncSession, meeting: Meeting, invited: Sequence[Attendee], names: Mapping[str, str], date_id: str = ""
) -> Fields:
    """Return the booked halls, then each other place. With many places, only count them, and add a list of all guests."""
    halls = await _halls(session, Occurrence.id == date_id) if date_id else []
    if not halls:  # the date never had halls, or their rows were deleted, so use the halls of the whole meeting
        halls = await _halls(session, Occurrence.meeting_id == meeting.id)
    site_ids = {one.site_id for one in invited if one.site_id}
    sites = {one.id: one for one in await session.scalars(select(Site).where(Site.id.in_(site_ids)))}
    main = [f"{MAIN_PLACE} {hall.name}, {site.name}{_at(site.address)}" for hall, site in halls]
    booked = {hall.site_id for hall, _ in halls}
    guests = [one for one in invited if one.role != "chair"]
    away = [one for one in guests if one.site_id and one.site_id not in booked]
    if len(guests) <= RECIPIENTS_NAMED and len(away) <= PLACES_NAMED:
        places = (sites[one.site_id] for one in away if one.site_id)
        return {"places": [*main, *dict.fromkeys(f"{one.name}{_at(one.address)}" for one in places)], SITES: []}
    rows = [_site_row(meeting, names[one.id], sites.get(one.site_id or "")) for one in guests]
    return {"places": main + await _sites_by_tier(session, away), SITES: rows[: limits.LETTER_LINES]}


async def _halls(session: AsyncSession, of_dates: ColumnElement[bool]) -> list[tuple[Hall, Site]]:
    reserved = select(Reservation.resource_id).join(Occurrence, Reservation.occurrence_id == Occurrence.id)
    rows = await session.execute(
        select(Hall, Site)
        .join(Site, Hall.site_id == Site.id)
        .where(Hall.id.in_(reserved.where(of_dates, Reservation.kind == "hall", ~Reservation.guest)))
        .order_by(Hall.name)
    )
    return [(hall, site) for hall, site in rows]


async def _sites_by_tier(session: AsyncSession, away: Sequence[Attendee]) -> list[str]:
    units = await _units(session, away)
    by_tier: dict[int, set[str]] = {}
    for one in away:
        tier = units[one.unit_id].tier if one.unit_id in units else PERSONS
        by_tier.setdefault(tier, set()).add(one.site_id or "")
    return [
        f"Điểm cầu {TIERS.get(tier, 'khác')}: {len(found)} điểm cầu (danh sách kèm theo)"
        for tier, found in sorted(by_tier.items())
    ]


def _site_row(meeting: Meeting, label: str, site: Site | None) -> dict[str, str]:
    if site is None:
        return {"unit": label, "site": addressing.place_of(meeting, None), "address": ""}
    return {"unit": label, "site": site.name, "address": site.address}


def _at(address: str) -> str:
    return f", {address}" if address else ""


async def _signer(session: AsyncSession, host: Unit, signer_id: str | None, on: date) -> Fields:
    """Return the signing block for the signer's post: TM., KT., TL., TUQ."""
    if not signer_id:
        return {"signing": [], "signer_name": ""}
    person = await session.get(Person, signer_id)
    if person is None:
        raise Refusal("unknown_person", "Không tìm thấy người ký.", "no such signer")
    row = (
        await session.execute(
            select(Post, Unit)
            .join(Holding, Holding.post_id == Post.id)
            .join(Unit, Post.unit_id == Unit.id)
            .where(Holding.person_id == person.id, Holding.valid_from <= on)
            .where(or_(Holding.valid_to.is_(None), Holding.valid_to > on))
            .order_by(Unit.id != host.id, Post.rank)
            .limit(1)
        )
    ).first()
    if row is None:
        return {"signing": [], "signer_name": person.name}
    head = await _head_title(session, host, on)
    return {"signing": signing_block(row[0], row[1], host, head), "signer_name": person.name}


def signing_block(post: Post, own: Unit, host: Unit, head_title: str) -> list[str]:
    """Return the lines above the signature. The letter is in the name of `host`, and `head_title` is the title of its head."""
    names = [own.name, own.short_name, host.name, host.short_name]
    title = wording.bare_title(post.title, names).upper()
    head = wording.bare_title(head_title, [host.name, host.short_name]).upper() or "THỦ TRƯỞNG"
    if post.signs_as in ("TL.", "TUQ."):
        return [title] if title == head else [f"{post.signs_as} {head}", title]
    lines = []
    if wording.is_collective(addressing.agency(host)):
        lines.append(f"TM. {wording.heading(addressing.agency(host))[0]}")
    elif post.signs_as == "TM.":
        lines.append(f"TM. {host.name.upper()}")
    if post.signs_as == "KT.":
        lines.append(f"KT. {head}")
    return [*lines, title]


async def _head_title(session: AsyncSession, host: Unit, on: date) -> str:
    row = await session.scalar(
        select(Post.title)
        .where(Post.unit_id == host.id, Post.is_head, Post.valid_from <= on)
        .where(or_(Post.valid_to.is_(None), Post.valid_to > on))
        .order_by(Post.rank)
        .limit(1)
    )
    return row or ""


async def _against_last(session: AsyncSession, meeting: Meeting, fields: Fields, kind: str) -> Fields:
    """Return the words for the letter that this letter replaces or cancels, and for an amendment the differences between them."""
    last = await session.scalar(
        select(Letter)
        .where(Letter.meeting_id == meeting.id, Letter.kind != "cancel")
        .order_by(Letter.created_at.desc())
        .limit(1)
    )
    if last is None:
        return {}
    number = f"số {last.number}/{last.symbol}" if last.number else f"ký hiệu {last.symbol}"
    word = "Hủy" if kind == "cancel" else "Thay thế"
    replaces = f"{word} Giấy mời {number} ngày {wording.short_date(last.dated)}"
    return {"replaces": replaces, "changes": differences(last.fields, fields) if kind == "amend" else []}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the changes that attendees must know, in words."""
    names = {"time": "Thời gian", "chair": "Chủ trì", "name": "Tên cuộc họp", "form": "Hình thức", "places": "Địa điểm"}
    lines = []
    for name, word in names.items():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(new, list):
            lines.append(f"{word}: có thay đổi, như ghi ở trên")
        else:
            lines.append(f"{word}: {new} (trước đây: {old})" if old else f"{word}: {new}")
    before_list, after_list = set(before.get("recipients", [])), set(after.get("recipients", []))
    if before_list != after_list:
        lines.append(f"Thành phần: thêm {len(after_list - before_list)}, bớt {len(before_list - after_list)}")
    return lines
