"""The routes of the profiles of terminal models, set for the whole system. Each can return to its shipped values."""

from typing import Annotated

from fastapi import Path, Query

from rooms.dialling.devices import profiles
from rooms.policy import roles
from signaling.api.ground.visits import Caller, DeviceProfiles, Profiles, Visit, anywhere
from signaling.api.models.devices import Agent, DeviceProfile, DeviceProfileFields, Name, ProfileMatch
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("halls")
Key = Annotated[Name, Path()]


@router.get("/device-profiles", openapi_extra=needs("settings.read"))
async def list_profiles(visit: Caller, book: Profiles) -> list[DeviceProfile]:
    """List every profile in force, with all its values."""
    anywhere(visit, "settings.read")
    return await _listed(visit, book)


@router.get("/device-profiles/match", openapi_extra=needs("settings.read"))
async def match_profile(visit: Caller, book: Profiles, user_agent: Annotated[Agent, Query()] = "") -> ProfileMatch:
    """Return the profile for a terminal with this User-Agent."""
    anywhere(visit, "settings.read")
    kept = await visit.read(profiles.every)
    name, word = book.matched(kept, user_agent)
    return ProfileMatch(name=name, word=word)


@router.put("/device-profiles/{profile}", openapi_extra=needs("profiles.write"))
async def set_profile(visit: Caller, book: Profiles, profile: Key, wanted: DeviceProfileFields) -> DeviceProfile:
    """Set a new profile, or change an existing one. It applies from the next call on."""
    roles.require_everywhere(visit.actor, "profiles.write")
    fields = book.checked(profile, wanted.model_dump())
    await visit.write(lambda session: profiles.keep(session, profile, fields, visit.actor, visit.now))
    await visit.refresh_halls()
    return next(one for one in await _listed(visit, book) if one.name == profile)


@router.delete("/device-profiles/{profile}", status_code=204, openapi_extra=needs("profiles.write"))
async def forget_profile(visit: Caller, profile: Key) -> None:
    """Return to the shipped profile, or delete a profile that was added here."""
    await visit.write(lambda session: profiles.forget(session, profile, visit.actor, visit.now))
    await visit.refresh_halls()


async def _listed(visit: Visit, book: DeviceProfiles) -> list[DeviceProfile]:
    return [DeviceProfile.model_validate(row) for row in book.listed(await visit.read(profiles.every))]
