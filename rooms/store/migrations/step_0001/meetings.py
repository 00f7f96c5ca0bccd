# fmt: off
# ruff: noqa
"""The tables of `rooms.meetings` in step 0001. Do not change this file: databases with these tables exist."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc


def lobby_setting() -> None:
    op.create_table('lobby_setting',
    sa.Column('conference', sa.String(length=64), nullable=False),
    sa.Column('held', sa.Boolean(), nullable=False),
    sa.Column('planned', sa.Boolean(), nullable=True),
    sa.Column('set_at', Utc(), nullable=False),
    sa.PrimaryKeyConstraint('conference', name=op.f('pk_lobby_setting'))
    )


def meeting_type() -> None:
    op.create_table('meeting_type',
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('name_en', sa.String(length=200), nullable=False),
    sa.Column('default_class', sa.String(length=12), nullable=False),
    sa.Column('duration_min', sa.Integer(), nullable=False),
    sa.Column('notice_days', sa.Integer(), nullable=False),
    sa.Column('conclusion_days', sa.Integer(), nullable=False),
    sa.Column('internal', sa.Boolean(), nullable=False),
    sa.Column('precedence', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_meeting_type'))
    )


def attendee_list() -> None:
    op.create_table('attendee_list',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('unit_id', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('entries', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_attendee_list_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attendee_list')),
    sa.UniqueConstraint('unit_id', 'name', name=op.f('uq_attendee_list_unit_id_name'))
    )


def letter_template() -> None:
    op.create_table('letter_template',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('unit_id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('docx', sa.LargeBinary(), nullable=False),
    sa.Column('uploaded_at', Utc(), nullable=False),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_letter_template_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_letter_template'))
    )


def template() -> None:
    op.create_table('template',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('unit_id', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('request', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_template_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_template')),
    sa.UniqueConstraint('unit_id', 'name', name=op.f('uq_template_unit_id_name'))
    )


def hook_seen() -> None:
    op.create_table('hook_seen',
    sa.Column('client_id', sa.String(length=32), nullable=False),
    sa.Column('hook_id', sa.String(length=100), nullable=False),
    sa.Column('at', Utc(), nullable=False),
    sa.Column('meeting_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['client_id'], ['client.id'], name=op.f('fk_hook_seen_client_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('client_id', 'hook_id', name=op.f('pk_hook_seen'))
    )
    op.create_index(op.f('ix_hook_seen_at'), 'hook_seen', ['at'], unique=False)


def meeting() -> None:
    op.create_table('meeting',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('number', sa.String(length=12), nullable=True),
    sa.Column('pin', sa.String(length=8), nullable=False),
    sa.Column('title', sa.String(length=300), nullable=False),
    sa.Column('search_title', sa.String(length=300), nullable=False),
    sa.Column('type_code', sa.String(length=40), nullable=False),
    sa.Column('class', sa.String(length=12), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('host_unit_id', sa.String(length=32), nullable=False),
    sa.Column('chair_id', sa.String(length=32), nullable=True),
    sa.Column('secretary_id', sa.String(length=32), nullable=True),
    sa.Column('operator_id', sa.String(length=32), nullable=True),
    sa.Column('created_by', sa.String(length=32), nullable=False),
    sa.Column('created_at', Utc(), nullable=False),
    sa.Column('updated_at', Utc(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('agenda', sa.JSON(), nullable=False),
    sa.Column('public', sa.Boolean(), nullable=False),
    sa.Column('lobby', sa.Boolean(), nullable=False),
    sa.Column('connect', sa.String(length=10), nullable=False),
    sa.Column('legs', sa.Integer(), nullable=False),
    sa.Column('first_starts_at', Utc(), nullable=False),
    sa.Column('duration_min', sa.Integer(), nullable=False),
    sa.Column('rule', sa.String(length=500), nullable=False),
    sa.Column('hold_until', Utc(), nullable=True),
    sa.Column('precedence', sa.Integer(), nullable=False),
    sa.Column('precedence_reason', sa.String(length=300), nullable=False),
    sa.Column('split_from_id', sa.String(length=32), nullable=True),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('reason_code', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.CheckConstraint("class IN ('important', 'ordinary')", name=op.f('ck_meeting_class')),
    sa.CheckConstraint("state IN ('held', 'asked', 'approved', 'refused', 'cancelled', 'expired')", name=op.f('ck_meeting_state')),
    sa.ForeignKeyConstraint(['chair_id'], ['person.id'], name=op.f('fk_meeting_chair_id')),
    sa.ForeignKeyConstraint(['host_unit_id'], ['unit.id'], name=op.f('fk_meeting_host_unit_id')),
    sa.ForeignKeyConstraint(['operator_id'], ['person.id'], name=op.f('fk_meeting_operator_id')),
    sa.ForeignKeyConstraint(['secretary_id'], ['person.id'], name=op.f('fk_meeting_secretary_id')),
    sa.ForeignKeyConstraint(['split_from_id'], ['meeting.id'], name=op.f('fk_meeting_split_from_id')),
    sa.ForeignKeyConstraint(['type_code'], ['meeting_type.code'], name=op.f('fk_meeting_type_code')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting')),
    sa.UniqueConstraint('number', name=op.f('uq_meeting_number'))
    )
    op.create_index(op.f('ix_meeting_created_by'), 'meeting', ['created_by'], unique=False)
    op.create_index(op.f('ix_meeting_host_unit_id'), 'meeting', ['host_unit_id'], unique=False)
    op.create_index(op.f('ix_meeting_search_title'), 'meeting', ['search_title'], unique=False)
    op.create_index(op.f('ix_meeting_state'), 'meeting', ['state'], unique=False)


def attendee() -> None:
    op.create_table('attendee',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('meeting_id', sa.String(length=32), nullable=False),
    sa.Column('unit_id', sa.String(length=32), nullable=True),
    sa.Column('site_id', sa.String(length=32), nullable=True),
    sa.Column('person_id', sa.String(length=32), nullable=True),
    sa.Column('guest_name', sa.String(length=200), nullable=False),
    sa.Column('guest_email', sa.String(length=254), nullable=False),
    sa.Column('label', sa.String(length=300), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('required', sa.Boolean(), nullable=False),
    sa.Column('must_be_head', sa.Boolean(), nullable=False),
    sa.Column('link_digest', sa.String(length=64), nullable=True),
    sa.Column('link_round', sa.Integer(), nullable=False),
    sa.Column('notified', sa.Integer(), nullable=False),
    sa.Column('mail_state', sa.String(length=12), nullable=False),
    sa.Column('outside_reason', sa.String(length=300), nullable=False),
    sa.Column('answer', sa.String(length=12), nullable=False),
    sa.Column('answered_at', Utc(), nullable=True),
    sa.Column('answer_stamp', Utc(), nullable=True),
    sa.Column('answered_by', sa.String(length=40), nullable=False),
    sa.Column('comment', sa.String(length=500), nullable=False),
    sa.Column('substitute_name', sa.String(length=200), nullable=False),
    sa.Column('substitute_person_id', sa.String(length=32), nullable=True),
    sa.Column('substitute_post', sa.String(length=200), nullable=False),
    sa.Column('substitute_state', sa.String(length=12), nullable=False),
    sa.ForeignKeyConstraint(['meeting_id'], ['meeting.id'], name=op.f('fk_attendee_meeting_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_attendee_person_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_attendee_site_id')),
    sa.ForeignKeyConstraint(['substitute_person_id'], ['person.id'], name=op.f('fk_attendee_substitute_person_id')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_attendee_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attendee')),
    sa.UniqueConstraint('link_digest', name=op.f('uq_attendee_link_digest')),
    sa.UniqueConstraint('meeting_id', 'unit_id', 'person_id', 'guest_email', name='uq_attendee_once')
    )
    op.create_index(op.f('ix_attendee_meeting_id'), 'attendee', ['meeting_id'], unique=False)
    op.create_index(op.f('ix_attendee_person_id'), 'attendee', ['person_id'], unique=False)
    op.create_index(op.f('ix_attendee_site_id'), 'attendee', ['site_id'], unique=False)
    op.create_index(op.f('ix_attendee_unit_id'), 'attendee', ['unit_id'], unique=False)


def document_ref() -> None:
    op.create_table('document_ref',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('meeting_id', sa.String(length=32), nullable=False),
    sa.Column('number', sa.String(length=100), nullable=False),
    sa.Column('search_number', sa.String(length=100), nullable=False),
    sa.Column('dated', sa.Date(), nullable=True),
    sa.Column('issuer', sa.String(length=300), nullable=False),
    sa.Column('subject', sa.String(length=500), nullable=False),
    sa.Column('link', sa.String(length=1000), nullable=False),
    sa.ForeignKeyConstraint(['meeting_id'], ['meeting.id'], name=op.f('fk_document_ref_meeting_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_document_ref'))
    )
    op.create_index(op.f('ix_document_ref_meeting_id'), 'document_ref', ['meeting_id'], unique=False)
    op.create_index(op.f('ix_document_ref_search_number'), 'document_ref', ['search_number'], unique=False)


def letter() -> None:
    op.create_table('letter',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('meeting_id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('number', sa.String(length=40), nullable=False),
    sa.Column('symbol', sa.String(length=60), nullable=False),
    sa.Column('dated', sa.Date(), nullable=False),
    sa.Column('signer_id', sa.String(length=32), nullable=True),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.Column('template_id', sa.String(length=32), nullable=True),
    sa.Column('created_at', Utc(), nullable=False),
    sa.Column('created_by', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['meeting_id'], ['meeting.id'], name=op.f('fk_letter_meeting_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['signer_id'], ['person.id'], name=op.f('fk_letter_signer_id')),
    sa.ForeignKeyConstraint(['template_id'], ['letter_template.id'], name=op.f('fk_letter_template_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_letter'))
    )
    op.create_index(op.f('ix_letter_meeting_id'), 'letter', ['meeting_id'], unique=False)


def occurrence() -> None:
    op.create_table('occurrence',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('meeting_id', sa.String(length=32), nullable=False),
    sa.Column('original_at', Utc(), nullable=False),
    sa.Column('starts_at', Utc(), nullable=False),
    sa.Column('ends_at', Utc(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('moved', sa.Boolean(), nullable=False),
    sa.Column('reason_code', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.String(length=1000), nullable=False),
    sa.Column('opened_at', Utc(), nullable=True),
    sa.Column('closed_at', Utc(), nullable=True),
    sa.CheckConstraint('ends_at > starts_at', name=op.f('ck_occurrence_order')),
    sa.ForeignKeyConstraint(['meeting_id'], ['meeting.id'], name=op.f('fk_occurrence_meeting_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_occurrence')),
    sa.UniqueConstraint('meeting_id', 'original_at', name=op.f('uq_occurrence_meeting_id_original_at'))
    )
    op.create_index('ix_occurrence_meeting_id_starts_at', 'occurrence', ['meeting_id', 'starts_at'], unique=False)
    op.create_index('ix_occurrence_time', 'occurrence', ['starts_at', 'ends_at'], unique=False)


def date_answer() -> None:
    op.create_table('date_answer',
    sa.Column('attendee_id', sa.String(length=32), nullable=False),
    sa.Column('occurrence_id', sa.String(length=32), nullable=False),
    sa.Column('starts_at', Utc(), nullable=False),
    sa.Column('answer', sa.String(length=12), nullable=False),
    sa.Column('comment', sa.String(length=500), nullable=False),
    sa.Column('answered_at', Utc(), nullable=False),
    sa.Column('answer_stamp', Utc(), nullable=True),
    sa.ForeignKeyConstraint(['attendee_id'], ['attendee.id'], name=op.f('fk_date_answer_attendee_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['occurrence_id'], ['occurrence.id'], name=op.f('fk_date_answer_occurrence_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('attendee_id', 'occurrence_id', name=op.f('pk_date_answer'))
    )
    op.create_index(op.f('ix_date_answer_occurrence_id'), 'date_answer', ['occurrence_id'], unique=False)
