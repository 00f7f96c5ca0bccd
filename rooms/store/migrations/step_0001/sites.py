# fmt: off
# ruff: noqa
"""The tables of `rooms.sites` in step 0001. Do not change this file: databases with these tables exist."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc


def device_check() -> None:
    op.create_table('device_check',
    sa.Column('code', sa.String(length=8), nullable=False),
    sa.Column('made_at', Utc(), nullable=False),
    sa.Column('figures', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_device_check'))
    )
    op.create_index(op.f('ix_device_check_made_at'), 'device_check', ['made_at'], unique=False)


def network() -> None:
    op.create_table('network',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('ranges', sa.JSON(), nullable=False),
    sa.Column('closed', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_network')),
    sa.UniqueConstraint('code', name=op.f('uq_network_code'))
    )


def site() -> None:
    op.create_table('site',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('search_name', sa.String(length=300), nullable=False),
    sa.Column('unit_id', sa.String(length=32), nullable=False),
    sa.Column('capability', sa.String(length=10), nullable=False),
    sa.Column('address', sa.String(length=300), nullable=False),
    sa.Column('latitude', sa.Double(), nullable=True),
    sa.Column('longitude', sa.Double(), nullable=True),
    sa.Column('network_id', sa.String(length=32), nullable=True),
    sa.Column('technician', sa.String(length=200), nullable=False),
    sa.Column('technician_phone', sa.String(length=40), nullable=False),
    sa.Column('nearest_site_id', sa.String(length=32), nullable=True),
    sa.Column('note', sa.String(length=1000), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("capability IN ('hall', 'pc', 'none')", name=op.f('ck_site_capability')),
    sa.ForeignKeyConstraint(['nearest_site_id'], ['site.id'], name=op.f('fk_site_nearest_site_id')),
    sa.ForeignKeyConstraint(['network_id'], ['network.id'], name=op.f('fk_site_network_id')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_site_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_site')),
    sa.UniqueConstraint('code', name=op.f('uq_site_code'))
    )
    op.create_index(op.f('ix_site_search_name'), 'site', ['search_name'], unique=False)
    op.create_index(op.f('ix_site_unit_id'), 'site', ['unit_id'], unique=False)


def hall() -> None:
    op.create_table('hall',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('search_name', sa.String(length=200), nullable=False),
    sa.Column('site_id', sa.String(length=32), nullable=False),
    sa.Column('seats', sa.Integer(), nullable=False),
    sa.Column('equipment', sa.JSON(), nullable=False),
    sa.Column('setup_min', sa.Integer(), nullable=False),
    sa.Column('clearup_min', sa.Integer(), nullable=False),
    sa.Column('bookable', sa.Boolean(), nullable=False),
    sa.Column('needs_approval', sa.Boolean(), nullable=False),
    sa.Column('note', sa.String(length=1000), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_hall_site_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hall')),
    sa.UniqueConstraint('code', name=op.f('uq_hall_code'))
    )
    op.create_index(op.f('ix_hall_site_id'), 'hall', ['site_id'], unique=False)


def terminal() -> None:
    op.create_table('terminal',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('site_id', sa.String(length=32), nullable=False),
    sa.Column('hall_id', sa.String(length=32), nullable=True),
    sa.Column('vendor', sa.String(length=60), nullable=False),
    sa.Column('model', sa.String(length=100), nullable=False),
    sa.Column('protocols', sa.JSON(), nullable=False),
    sa.Column('sip_uri', sa.String(length=254), nullable=False),
    sa.Column('h323_alias', sa.String(length=100), nullable=False),
    sa.Column('e164', sa.String(length=20), nullable=False),
    sa.Column('profile', sa.String(length=40), nullable=False),
    sa.Column('codecs', sa.JSON(), nullable=False),
    sa.Column('encrypts', sa.Boolean(), nullable=False),
    sa.Column('shows_content', sa.Boolean(), nullable=False),
    sa.Column('dialled', sa.Boolean(), nullable=False),
    sa.Column('network_id', sa.String(length=32), nullable=True),
    sa.Column('bandwidth_kbps', sa.Integer(), nullable=False),
    sa.Column('language', sa.String(length=2), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('tested_at', Utc(), nullable=True),
    sa.Column('note', sa.String(length=1000), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['hall_id'], ['hall.id'], name=op.f('fk_terminal_hall_id')),
    sa.ForeignKeyConstraint(['network_id'], ['network.id'], name=op.f('fk_terminal_network_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_terminal_site_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_terminal')),
    sa.UniqueConstraint('code', name=op.f('uq_terminal_code'))
    )
    op.create_index(op.f('ix_terminal_hall_id'), 'terminal', ['hall_id'], unique=False)
    op.create_index(op.f('ix_terminal_site_id'), 'terminal', ['site_id'], unique=False)
