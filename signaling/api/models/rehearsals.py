"""The models of rehearsals: what was seen and heard at each site."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from signaling.api.models import limits
from signaling.api.models.parts import Strict, Text200, Text300, View


class SiteResult(View):
    """The observations at a site of a rehearsal. Null: not checked yet."""

    picture: bool | None = Field(description="The meeting sees the site.")
    sound_in: bool | None = Field(description="The meeting hears the site.")
    sound_out: bool | None = Field(description="The site hears the meeting.")
    name_plate: bool | None
    delegates: int | None
    note: str


class RehearsalEntry(View):
    """The result that was entered for a site of a rehearsal. `by_site`: the site entered it on its own page."""

    site_id: str
    result: SiteResult
    by_site: bool
    signed_at: datetime | None
    signed_name: str
    version: int


class RehearsalSite(RehearsalEntry):
    """A site of a rehearsal. `version`: 0 before the first entry."""

    site: str
    unit: str
    link: str = Field("", description="The page of the site, for operators, on the board of the rehearsal.")


class Rehearsal(View):
    """The rehearsal of a meeting (Tổng duyệt), with the result of each site."""

    occurrence_id: str
    meeting_id: str
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime = Field(description="The time from which results can be entered.")
    of_meeting_id: str
    of_title: str
    sites: list[RehearsalSite]


class ReportedRehearsal(View):
    """A meeting of today with its rehearsal."""

    meeting_id: str
    occurrence_id: str
    starts_at: datetime
    rehearsal: Rehearsal


class SiteResultFields(Strict):
    """The observations at a site. `version`: the version that the caller saw; the server refuses an older one. `sign`: sign the
    result, which must be complete.
    """

    picture: bool | None = None
    sound_in: bool | None = None
    sound_out: bool | None = None
    name_plate: bool | None = None
    delegates: int | None = Field(None, ge=0, le=limits.DELEGATES)
    note: Text300 = ""
    sign: bool = False
    version: int = Field(ge=0)


class SiteLook(Strict):
    """The secret of a site's link."""

    link: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,100}$")]


class SiteLinkResult(SiteResultFields):
    """The result that a site enters by its link. `name`: the person who signs."""

    link: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,100}$")]
    name: Text200 = ""


class SitePage(View):
    """A rehearsal as one site sees it. `open`: results can be entered now. `contact`, `phone`: whom the site calls for help, by
    the telephone of the office. Both are empty if the office has no telephone.
    """

    of_title: str
    number: str
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    site: RehearsalSite
    open: bool
    contact: str = ""
    phone: str = ""
