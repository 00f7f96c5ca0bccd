"""The models of sign-in and account administration. Passwords and codes are only in requests, never in answers."""

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
    """Name and password. With `code` both steps happen at once."""

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
    """The way to the single sign-on. `next`: the page to return to. `connect`: connect the identity to the signed-in account."""

    next: str = Field("/", max_length=limits.NEXT_CHARACTERS)
    connect: bool = False


class Departure(_View):
    """The address to which the browser must go."""

    url: str


class PasswordChange(_Strict):
    """A new password. `current` may be empty if the account has no password yet, or right after a sign-in by link."""

    current: Password = SecretStr("")
    new: Password


class SessionChange(_Strict):
    """The language of the pages."""

    language: Language


class HeldRole(_View):
    """A role that is in force. `for_person`: the role is held as the deputy of that person."""

    role: str
    unit_id: str
    unit_name: str
    for_person: str = ""
    for_person_name: str = ""


class Me(_View):
    """The signed-in user."""

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
    """The state of this browser. `must_change`: a link opened the session, and only the password change is possible first.

    `second_factor`: `none` not requested, `needed` enter the code, `enrol` set it up first (until then the roles allow no
    changes), `done`.
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
    halls_local: Annotated[bool, Field(description="Only terminals on the machine of the server can connect.")] = False
    address: Annotated[str, Field(description="The form of address of the office, before names. Empty: none.")] = ""
    calls: Annotated[
        int, Field(description="The running calls that this browser has opened. Signing out ends these calls.")
    ] = 0


class OwnSession(_View):
    """A browser in which the user is signed in."""

    id: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    agent: str
    factors: int
    current: bool


class Enrolment(_View):
    """The data that the application scans. `svg`: a QR image; `secret`: the same data for typing."""

    uri: str
    secret: str
    svg: str


class Recovery(_View):
    """Codes that each replace the application once. They are shown only this once."""

    codes: list[str]


class Grant(_View):
    """A role in a unit and in all units below it."""

    id: str
    role: str
    unit_id: str
    unit_name: str
    starts_at: datetime
    ends_at: datetime | None
    in_force: bool


class AccountView(_View):
    """An account, as its administrators see it."""

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
    """A part of the accounts. Send `next` as `cursor` to get the next part; null: there are no more accounts."""

    items: list[AccountView]
    next: str | None = None


class NewAccount(_Strict):
    """An account for a person of the organisation."""

    name: AccountName
    person_id: Identifier
    language: Language = "vi"


class AccountChange(_Strict):
    """The fields that change. Switching off ends all sessions."""

    name: AccountName | None = None
    active: bool | None = None
    language: Language | None = None


class NewGrant(_Strict):
    """A new role. Without `starts_at` it begins now; without `ends_at` it holds until it is revoked."""

    role: RoleName
    unit_id: Identifier
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


class SignInLinkView(_View):
    """A sign-in link that is shown only once. It signs its user in once, and the user chooses a password."""

    url: str
    ends_at: datetime


class NewClient(_Strict):
    """A system that gets a key."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    unit_id: Identifier
    roles: list[ClientRole] = Field(min_length=1, max_length=3)


class ClientView(_View):
    """A system that has a key."""

    id: str
    name: str
    unit_id: str
    unit_name: str
    roles: list[str]
    created_at: datetime
    revoked_at: datetime | None


class ClientPage(_View):
    """The systems in the units that the reader administers."""

    items: list[ClientView]
    next: str | None = None


class ClientKey(_View):
    """A system with its `key`, which is shown only this once: `Authorization: Bearer KEY`."""

    client: ClientView
    key: str
