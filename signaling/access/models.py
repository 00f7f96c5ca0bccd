"""What the sign-in and the administration of accounts take and give, as pydantic models. Passwords and codes go in only."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from signaling.access import limits
from signaling.host.bodies import Body

RoleName = Literal["requester", "secretary", "approver", "operator", "admin", "auditor"]
ClientRole = Literal["requester", "secretary", "operator"]
Language = Literal["vi", "en"]
Factor = Literal["none", "needed", "enrol", "done"]
Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,32}$")]
AccountName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}$")]
Password = Annotated[SecretStr, Field(max_length=limits.PASSWORD_CHARACTERS)]
TotpCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
SecondCode = Annotated[str, StringConstraints(pattern=r"^[0-9a-zA-Z -]{6,24}$")]
"""Six digits of the application, or a recovery code."""
Secret = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{20,100}$")]


class _Strict(Body):
    model_config = ConfigDict(str_strip_whitespace=True)


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True, json_schema_serialization_defaults_required=True)


class SigningIn(_Strict):
    """Name and password; with `code` both steps at once."""

    name: str = Field(max_length=100)
    password: Password
    code: SecondCode | None = None


class SecondStep(_Strict):
    """The code of the application, or a recovery code."""

    code: SecondCode


class LinkUse(_Strict):
    """The secret behind `#` in a sign-in link."""

    secret: Secret


class SingleSignOn(_Strict):
    """`next`: the page to come back to; `connect`: connect the identity to the account that is signed in."""

    next: str = Field("/", max_length=limits.NEXT_CHARACTERS)
    connect: bool = False


class Departure(_View):
    """Where the browser goes."""

    url: str


class PasswordChange(_Strict):
    """`current` may be empty when the account has no password yet, or right after a sign-in by link."""

    current: Password = SecretStr("")
    new: Password


class SessionChange(_Strict):
    """The language of screens."""

    language: Language


class HeldRole(_View):
    """A role that counts now. `for_person`: held as the deputy of that person."""

    role: str
    unit_id: str
    unit_name: str
    for_person: str = ""
    for_person_name: str = ""


class Me(_View):
    """Who is signed in."""

    account_id: str
    name: str
    person_id: str | None
    person_name: str
    title: str = Field(description="The post and the unit, in the form that letters use.")
    unit_id: str | None
    unit_name: str
    language: Language
    roles: list[HeldRole]
    actions: list[str] = Field(description="Rights in at least one unit. They only show or hide menus.")


class Session(_View):
    """The state of this browser. `second_factor`: `none` not asked for, `needed` enter the code, `enrol` set it up first (his
    roles change nothing before), `done`. `must_change`: it was opened by a link, and only the password change is
    open before that.
    """

    signed_in: bool
    me: Me | None = None
    second_factor: Factor = "none"
    totp: Annotated[bool, Field(description="The account has set up an authenticator application.")] = False
    has_password: bool = False
    must_change: bool = False
    ends_at: datetime | None = None
    issuer: str | None = Field(None, description="The name of the single sign-on, if there is one.")
    mails: Annotated[bool, Field(description="This server sends the invitations by mail.")] = False
    halls: Annotated[bool, Field(description="This server connects hall terminals.")] = False
    calls: Annotated[
        int, Field(description="The running calls that this browser has opened. Signing out ends these calls.")
    ] = 0


class OwnSession(_View):
    """A browser in which he is signed in."""

    id: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    agent: str
    factors: int
    current: bool


class Enrolment(_View):
    """What the application scans. `svg`: a QR image; `secret`: the same to type."""

    uri: str
    secret: str
    svg: str


class Recovery(_View):
    """Codes that each replace the application once. They are shown this one time."""

    codes: list[str]


class Grant(_View):
    """A role in a unit and what is below it."""

    id: str
    role: str
    unit_id: str
    unit_name: str
    starts_at: datetime
    ends_at: datetime | None
    in_force: bool


class AccountView(_View):
    """An account, as those who administer it see it."""

    id: str
    name: str
    person_id: str | None
    person_name: str
    unit_id: str | None
    unit_name: str
    active: bool
    has_password: bool
    totp: bool
    sso: bool
    language: Language
    created_at: datetime
    last_seen_at: datetime | None
    version: int
    roles: list[Grant]


class AccountPage(_View):
    """Some of the accounts. `next` is handed back as `cursor`; null: there is no more."""

    items: list[AccountView]
    next: str | None = None


class NewAccount(_Strict):
    """An account for a person that the organisation has."""

    name: AccountName
    person_id: Identifier
    language: Language = "vi"


class AccountChange(_Strict):
    """Only what is given changes. Switching off ends all sessions."""

    name: AccountName | None = None
    active: bool | None = None
    language: Language | None = None


class NewGrant(_Strict):
    """Without `starts_at` from now on, without `ends_at` until it is revoked."""

    role: RoleName
    unit_id: Identifier
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


class SignInLinkView(_View):
    """Shown once; whoever opens it is signed in once, and chooses a password."""

    url: str
    ends_at: datetime


class NewClient(_Strict):
    """Another system."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    unit_id: Identifier
    roles: list[ClientRole] = Field(min_length=1, max_length=3)


class ClientView(_View):
    """Another system that has a key."""

    id: str
    name: str
    unit_id: str
    unit_name: str
    roles: list[str]
    created_at: datetime
    revoked_at: datetime | None


class ClientPage(_View):
    """Every client in what the reader administers."""

    items: list[ClientView]
    next: str | None = None


class ClientKey(_View):
    """`key` is shown this one time: `Authorization: Bearer KEY`."""

    client: ClientView
    key: str
