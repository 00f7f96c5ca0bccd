# fmt: off
# ruff: noqa
"""The tables of `rooms.dialling` in step 0001. Do not change this file: databases with these tables exist."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc


def sip_ban() -> None:
    op.create_table('sip_ban',
    sa.Column('subject', sa.String(length=300), nullable=False),
    sa.Column('until', Utc(), nullable=False),
    sa.Column('times', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.PrimaryKeyConstraint('subject', name=op.f('pk_sip_ban'))
    )


def terminal_profile() -> None:
    op.create_table('terminal_profile',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.Column('changed_at', Utc(), nullable=False),
    sa.Column('changed_by', sa.String(length=200), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_terminal_profile'))
    )


def dial_leg() -> None:
    op.create_table('dial_leg',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('occurrence_id', sa.String(length=32), nullable=False),
    sa.Column('terminal_id', sa.String(length=32), nullable=False),
    sa.Column('asked_by', sa.String(length=10), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('epoch', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('rung', sa.Integer(), nullable=False),
    sa.Column('failure', sa.String(length=20), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(length=40), nullable=False),
    sa.Column('next_try_at', Utc(), nullable=True),
    sa.Column('since', Utc(), nullable=False),
    sa.Column('redialled', sa.Boolean(), nullable=False),
    sa.Column('answered_at', Utc(), nullable=True),
    sa.Column('readiness', sa.String(length=8), nullable=False),
    sa.Column('readiness_at', Utc(), nullable=True),
    sa.Column('readiness_reason', sa.String(length=40), nullable=False),
    sa.Column('wish', sa.String(length=10), nullable=False),
    sa.Column('leased_by', sa.String(length=32), nullable=False),
    sa.Column('lease_until', Utc(), nullable=True),
    sa.CheckConstraint("readiness IN ('unknown', 'green', 'amber', 'red')", name=op.f('ck_dial_leg_readiness')),
    sa.CheckConstraint("state IN ('idle', 'probing', 'calling', 'ringing', 'connected', 'failed', 'given_up', 'left')", name=op.f('ck_dial_leg_state')),
    sa.ForeignKeyConstraint(['occurrence_id'], ['occurrence.id'], name=op.f('fk_dial_leg_occurrence_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['terminal_id'], ['terminal.id'], name=op.f('fk_dial_leg_terminal_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dial_leg')),
    sa.UniqueConstraint('occurrence_id', 'terminal_id', name=op.f('uq_dial_leg_occurrence_id_terminal_id'))
    )
    op.create_index('ix_dial_leg_due', 'dial_leg', ['state', 'next_try_at'], unique=False)
    op.create_index('ix_dial_leg_lease', 'dial_leg', ['leased_by', 'lease_until'], unique=False)
    op.create_index(op.f('ix_dial_leg_terminal_id'), 'dial_leg', ['terminal_id'], unique=False)


def sip_account() -> None:
    op.create_table('sip_account',
    sa.Column('terminal_id', sa.String(length=32), nullable=False),
    sa.Column('alias', sa.String(length=64), nullable=False),
    sa.Column('secret', sa.String(length=300), nullable=False),
    sa.Column('algorithm', sa.String(length=10), nullable=False),
    sa.Column('behind_nat', sa.Boolean(), nullable=False),
    sa.Column('changed_at', Utc(), nullable=False),
    sa.CheckConstraint("algorithm IN ('MD5', 'SHA-256')", name=op.f('ck_sip_account_algorithm')),
    sa.ForeignKeyConstraint(['terminal_id'], ['terminal.id'], name=op.f('fk_sip_account_terminal_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('terminal_id', name=op.f('pk_sip_account')),
    sa.UniqueConstraint('alias', name=op.f('uq_sip_account_alias'))
    )


def leg_alarm() -> None:
    op.create_table('leg_alarm',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('leg_id', sa.String(length=32), nullable=False),
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('at', Utc(), nullable=False),
    sa.Column('acknowledged_at', Utc(), nullable=True),
    sa.Column('acknowledged_by', sa.String(length=64), nullable=False),
    sa.Column('acknowledged_name', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['leg_id'], ['dial_leg.id'], name=op.f('fk_leg_alarm_leg_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_leg_alarm'))
    )
    op.create_index(op.f('ix_leg_alarm_leg_id'), 'leg_alarm', ['leg_id'], unique=False)
