# fmt: off
# ruff: noqa
"""The first schema: every table, no overlap of reservations, and an audit trail that can only grow.

Do not change this step: databases with this schema exist. Write each change of a table as a new step, by hand.
"""

from alembic import op

from rooms.store.migrations import immutable
from rooms.store.migrations import overlap
from rooms.store.migrations.step_0001 import accounts, booking, dialling, meetings, org, sites, store

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_tables()
    connection = op.get_bind()
    for part in (overlap, immutable):
        for statement in part.statements(connection.dialect.name):
            connection.exec_driver_sql(statement)


def create_tables() -> None:
    store.audit_checkpoint()
    store.audit_entry()
    booking.capacity_slot()
    sites.device_check()
    booking.holiday()
    booking.idempotency()
    store.job()
    meetings.lobby_setting()
    meetings.meeting_type()
    sites.network()
    booking.pool()
    booking.setting()
    dialling.sip_ban()
    dialling.terminal_profile()
    org.unit()
    meetings.attendee_list()
    accounts.client()
    meetings.letter_template()
    org.person()
    org.post()
    org.recipient_set()
    sites.site()
    meetings.template()
    booking.unit_rule()
    org.unit_successor()
    store.webhook()
    accounts.account()
    store.delivery()
    org.deputy()
    sites.hall()
    org.holding()
    meetings.hook_seen()
    meetings.meeting()
    org.recipient_rule()
    meetings.attendee()
    booking.change()
    meetings.document_ref()
    store.feed()
    meetings.letter()
    meetings.occurrence()
    accounts.preference()
    accounts.role_grant()
    accounts.sign_in()
    accounts.sign_in_link()
    booking.step()
    sites.terminal()
    booking.wanted()
    booking.capacity_use()
    meetings.date_answer()
    dialling.dial_leg()
    booking.reservation()
    dialling.sip_account()
    dialling.leg_alarm()
