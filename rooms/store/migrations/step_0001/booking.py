# fmt: off
# ruff: noqa
"""The tables of `rooms.booking` in step 0001. Do not change this file: databases with these tables exist."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc


def capacity_slot() -> None:
    op.create_table('capacity_slot',
    sa.Column('pool', sa.String(length=32), nullable=False),
    sa.Column('starts_at', Utc(), nullable=False),
    sa.Column('used', sa.Integer(), nullable=False),
    sa.Column('most', sa.Integer(), nullable=False),
    sa.CheckConstraint('used >= 0 AND used <= most', name=op.f('ck_capacity_slot_enough')),
    sa.PrimaryKeyConstraint('pool', 'starts_at', name=op.f('pk_capacity_slot'))
    )


def holiday() -> None:
    op.create_table('holiday',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('works', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_holiday'))
    )


def idempotency() -> None:
    op.create_table('idempotency',
    sa.Column('account_id', sa.String(length=32), nullable=False),
    sa.Column('key', sa.String(length=100), nullable=False),
    sa.Column('request_digest', sa.String(length=64), nullable=False),
    sa.Column('meeting_id', sa.String(length=32), nullable=False),
    sa.Column('at', Utc(), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'key', name=op.f('pk_idempotency'))
    )
    op.create_index(op.f('ix_idempotency_at'), 'idempotency', ['at'], unique=False)


def pool() -> None:
    op.create_table('pool',
    sa.Column('code', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('legs', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_pool'))
    )


def setting() -> None:
    op.create_table('setting',
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('value', sa.JSON(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_setting'))
    )


def unit_rule() -> None:
    op.create_table('unit_rule',
    sa.Column('unit_id', sa.String(length=32), nullable=False),
    sa.Column('opens_min', sa.Integer(), nullable=False),
    sa.Column('closes_min', sa.Integer(), nullable=False),
    sa.Column('weekends', sa.Boolean(), nullable=False),
    sa.Column('ahead_min', sa.Integer(), nullable=False),
    sa.Column('ahead_days', sa.Integer(), nullable=False),
    sa.Column('meetings_a_week', sa.Integer(), nullable=False),
    sa.Column('hours_a_month', sa.Integer(), nullable=False),
    sa.Column('approval_hours', sa.Integer(), nullable=False),
    sa.Column('hold_hours', sa.Integer(), nullable=False),
    sa.Column('release_min', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_unit_rule_unit_id')),
    sa.PrimaryKeyConstraint('unit_id', name=op.f('pk_unit_rule'))
    )


def change() -> None:
    op.create_table('change',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('meeting_id', sa.String(length=32), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('at', Utc(), nullable=False),
    sa.Column('by', sa.String(length=32), nullable=False),
    sa.Column('action', sa.String(length=30), nullable=False),
    sa.Column('occurrence_id', sa.String(length=32), nullable=False),
    sa.Column('summary', sa.String(length=1000), nullable=False),
    sa.Column('before', sa.JSON(), nullable=False),
    sa.Column('undo_until', Utc(), nullable=True),
    sa.Column('undone', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['meeting_id'], ['meeting.id'], name=op.f('fk_change_meeting_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_change')),
    sa.UniqueConstraint('meeting_id', 'version', name=op.f('uq_change_meeting_id_version'))
    )
    op.create_index(op.f('ix_change_meeting_id'), 'change', ['meeting_id'], unique=False)


def step() -> None:
    op.create_table('step',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('meeting_id', sa.String(length=32), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('step', sa.Integer(), nullable=False),
    sa.Column('unit_id', sa.String(length=32), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('opened_at', Utc(), nullable=True),
    sa.Column('deadline', Utc(), nullable=True),
    sa.Column('decided_at', Utc(), nullable=True),
    sa.Column('decided_by', sa.String(length=32), nullable=False),
    sa.Column('decided_for', sa.String(length=32), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.ForeignKeyConstraint(['meeting_id'], ['meeting.id'], name=op.f('fk_step_meeting_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_step_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_step')),
    sa.UniqueConstraint('meeting_id', 'round', 'step', name=op.f('uq_step_meeting_id_round_step'))
    )
    op.create_index(op.f('ix_step_meeting_id'), 'step', ['meeting_id'], unique=False)
    op.create_index(op.f('ix_step_unit_id'), 'step', ['unit_id'], unique=False)


def wanted() -> None:
    op.create_table('wanted',
    sa.Column('meeting_id', sa.String(length=32), nullable=False),
    sa.Column('occurrence_id', sa.String(length=32), nullable=False),
    sa.Column('resource_id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('exclusive', sa.Boolean(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['meeting_id'], ['meeting.id'], name=op.f('fk_wanted_meeting_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('meeting_id', 'occurrence_id', 'resource_id', name=op.f('pk_wanted'))
    )


def capacity_use() -> None:
    op.create_table('capacity_use',
    sa.Column('occurrence_id', sa.String(length=32), nullable=False),
    sa.Column('pool', sa.String(length=32), nullable=False),
    sa.Column('legs', sa.Integer(), nullable=False),
    sa.Column('starts_at', Utc(), nullable=False),
    sa.Column('ends_at', Utc(), nullable=False),
    sa.ForeignKeyConstraint(['occurrence_id'], ['occurrence.id'], name=op.f('fk_capacity_use_occurrence_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('occurrence_id', 'pool', name=op.f('pk_capacity_use'))
    )


def reservation() -> None:
    op.create_table('reservation',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('occurrence_id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('resource_id', sa.String(length=32), nullable=False),
    sa.Column('starts_at', Utc(), nullable=False),
    sa.Column('ends_at', Utc(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.CheckConstraint("kind IN ('hall', 'terminal', 'person', 'operator')", name=op.f('ck_reservation_kind')),
    sa.CheckConstraint('ends_at > starts_at', name=op.f('ck_reservation_order')),
    sa.ForeignKeyConstraint(['occurrence_id'], ['occurrence.id'], name=op.f('fk_reservation_occurrence_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reservation'))
    )
    op.create_index('ix_reservation_kind_starts_at', 'reservation', ['kind', 'starts_at'], unique=False)
    op.create_index(op.f('ix_reservation_occurrence_id'), 'reservation', ['occurrence_id'], unique=False)
    op.create_index('ix_reservation_resource_id_starts_at', 'reservation', ['resource_id', 'starts_at'], unique=False)
