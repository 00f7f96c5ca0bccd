# fmt: off
# ruff: noqa
"""The tables of `rooms.org` in step 0001. Do not change this file: databases with these tables exist."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc


def unit() -> None:
    op.create_table('unit',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('search_name', sa.String(length=300), nullable=False),
    sa.Column('short_name', sa.String(length=100), nullable=False),
    sa.Column('symbol', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('tier', sa.Integer(), nullable=False),
    sa.Column('block', sa.String(length=20), nullable=False),
    sa.Column('parent_id', sa.String(length=32), nullable=True),
    sa.Column('path', sa.String(length=1000), nullable=False),
    sa.Column('address', sa.String(length=300), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('phone', sa.String(length=40), nullable=False),
    sa.Column('distance_km', sa.Double(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('top', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['parent_id'], ['unit.id'], name=op.f('fk_unit_parent_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_unit')),
    sa.UniqueConstraint('code', name=op.f('uq_unit_code'))
    )
    op.create_index(op.f('ix_unit_parent_id'), 'unit', ['parent_id'], unique=False)
    op.create_index(op.f('ix_unit_path'), 'unit', ['path'], unique=False)
    op.create_index(op.f('ix_unit_search_name'), 'unit', ['search_name'], unique=False)
    op.create_index('uq_unit_top', 'unit', ['top'], unique=True, sqlite_where=sa.text('top'), postgresql_where=sa.text('top'))


def person() -> None:
    op.create_table('person',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('search_name', sa.String(length=200), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('phone', sa.String(length=40), nullable=False),
    sa.Column('unit_id', sa.String(length=32), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_person_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person')),
    sa.UniqueConstraint('code', name=op.f('uq_person_code'))
    )
    op.create_index(op.f('ix_person_email'), 'person', ['email'], unique=False)
    op.create_index(op.f('ix_person_search_name'), 'person', ['search_name'], unique=False)
    op.create_index(op.f('ix_person_unit_id'), 'person', ['unit_id'], unique=False)


def post() -> None:
    op.create_table('post',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('unit_id', sa.String(length=32), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('rank', sa.Integer(), nullable=False),
    sa.Column('is_head', sa.Boolean(), nullable=False),
    sa.Column('signs_as', sa.String(length=8), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_post_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_post'))
    )
    op.create_index(op.f('ix_post_unit_id'), 'post', ['unit_id'], unique=False)


def recipient_set() -> None:
    op.create_table('recipient_set',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('search_name', sa.String(length=300), nullable=False),
    sa.Column('owner_unit_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['owner_unit_id'], ['unit.id'], name=op.f('fk_recipient_set_owner_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recipient_set')),
    sa.UniqueConstraint('code', name=op.f('uq_recipient_set_code'))
    )


def unit_successor() -> None:
    op.create_table('unit_successor',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('unit_id', sa.String(length=32), nullable=False),
    sa.Column('successor_id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('on', sa.Date(), nullable=False),
    sa.Column('decision', sa.String(length=300), nullable=False),
    sa.ForeignKeyConstraint(['successor_id'], ['unit.id'], name=op.f('fk_unit_successor_successor_id')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_unit_successor_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_unit_successor')),
    sa.UniqueConstraint('unit_id', 'successor_id', 'on', name=op.f('uq_unit_successor_unit_id_successor_id_on'))
    )
    op.create_index(op.f('ix_unit_successor_successor_id'), 'unit_successor', ['successor_id'], unique=False)
    op.create_index(op.f('ix_unit_successor_unit_id'), 'unit_successor', ['unit_id'], unique=False)


def deputy() -> None:
    op.create_table('deputy',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('deputy_id', sa.String(length=32), nullable=False),
    sa.Column('starts_at', Utc(), nullable=False),
    sa.Column('ends_at', Utc(), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('granted_by', sa.String(length=32), nullable=False),
    sa.Column('revoked_at', Utc(), nullable=True),
    sa.CheckConstraint('person_id <> deputy_id', name=op.f('ck_deputy_other')),
    sa.ForeignKeyConstraint(['deputy_id'], ['person.id'], name=op.f('fk_deputy_deputy_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_deputy_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deputy'))
    )
    op.create_index(op.f('ix_deputy_deputy_id'), 'deputy', ['deputy_id'], unique=False)
    op.create_index(op.f('ix_deputy_person_id'), 'deputy', ['person_id'], unique=False)


def holding() -> None:
    op.create_table('holding',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('post_id', sa.String(length=32), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_holding_person_id')),
    sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_holding_post_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_holding'))
    )
    op.create_index(op.f('ix_holding_person_id'), 'holding', ['person_id'], unique=False)
    op.create_index(op.f('ix_holding_post_id'), 'holding', ['post_id'], unique=False)


def recipient_rule() -> None:
    op.create_table('recipient_rule',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('set_id', sa.String(length=32), nullable=False),
    sa.Column('unit_id', sa.String(length=32), nullable=True),
    sa.Column('below', sa.Boolean(), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=True),
    sa.Column('tier', sa.Integer(), nullable=True),
    sa.Column('block', sa.String(length=20), nullable=True),
    sa.Column('excludes', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['set_id'], ['recipient_set.id'], name=op.f('fk_recipient_rule_set_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_recipient_rule_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recipient_rule'))
    )
    op.create_index(op.f('ix_recipient_rule_set_id'), 'recipient_rule', ['set_id'], unique=False)
