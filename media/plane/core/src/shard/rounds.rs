//! The work that is due for each transport on a tick.

use crate::seam::outbox::Sink;
use crate::shard::downlink::restart;
use crate::shard::report::reports;
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;
use crate::shard::uplink::{line_input, repair};
use crate::shard::whereabouts::{Whereabouts, addresses, path_probe};
use crate::stream::arrivals::FEEDBACK_US;

/// Send feedback and reports, and check the consent. Return `true` while media flows.
pub(crate) fn tick_transports<S: Sink>(whereabouts: &mut Whereabouts, tables: &mut Tables, turn: &mut Turn<S>) -> bool {
    let mut busy = false;
    for key in tables.transports.places() {
        let Some(transport) = tables.transports.get_mut(key) else { continue };
        if transport.is_mirror() {
            continue;
        }
        if transport.start_us.is_some_and(|start_us| turn.now_us >= start_us) {
            restart::start_consumers(tables, key, turn);
        }
        let transport = &mut tables.transports[key];
        let logged = !transport.arrivals.is_empty();
        let due = logged && turn.now_us - transport.arrivals.started_at_us >= FEEDBACK_US - FEEDBACK_US / 4;
        let report = turn.now_us >= transport.report_due_us;
        busy |= logged;
        if due {
            reports::send_arrivals(tables, key, turn);
        }
        if tables.transports[key].line().is_some() {
            line_input::tick_line(tables, key, report, turn);
        }
        if report {
            busy |= repair::is_flowing(tables, key, turn.now_us);
            let transport = &mut tables.transports[key];
            transport.report_due_us = turn.now_us + transport.report_interval_us();
            reports::send_reports(tables, key, turn);
        }
        path_probe::tick_seeking(whereabouts, tables, key, turn);
        path_probe::tick_path_credit(whereabouts, tables, key, turn);
        addresses::tick_consent(whereabouts, &mut tables.transports, key, turn);
    }
    busy
}
