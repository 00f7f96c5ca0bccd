//! The function for each command.

use crate::seam::command::Command;
use crate::seam::outbox::Sink;
use crate::shard::control::{consumers, line_sockets, lines, peers, producers, transports};
use crate::shard::report::mirror_out;
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;
use crate::shard::uplink::{messages, voices};
use crate::shard::whereabouts::Whereabouts;
use crate::stream::voice::Audience;

/// Execute a command. Return None if it names a thing that does not exist (any more).
pub(crate) fn carry_out<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    command: Command,
    turn: &mut Turn<S>,
) -> Option<()> {
    match command {
        Command::OpenRouter { router } => transports::open_router(tables, router),
        Command::CloseRouter { router } => peers::close_router(whereabouts, tables, router, turn),
        Command::OpenTransport { router, transport, ufrag, pwd } => {
            peers::open_transport(whereabouts, tables, router, transport, &ufrag, &pwd, turn)
        }
        Command::RestartIce { transport, ufrag, pwd } => {
            peers::restart_ice(whereabouts, tables, transport, &ufrag, &pwd, turn)
        }
        Command::SetRemoteCredentials { transport, ufrag, pwd } => {
            peers::set_remote_credentials(whereabouts, tables, transport, &ufrag, &pwd, turn)
        }
        Command::SetExtensions { transport, extensions } => transports::set_extensions(tables, transport, &extensions),
        Command::SetKeys { transport, profile, receive_key, receive_salt, send_key, send_salt } => {
            transports::set_keys(
                tables,
                transport,
                profile,
                (&receive_key, &receive_salt),
                (&send_key, &send_salt),
                turn,
            )
        }
        Command::SendDtls { transport, datagram } => transports::send_dtls(tables, transport, &datagram, turn),
        Command::CloseTransport { transport } => peers::close_transport(whereabouts, tables, transport, turn),
        Command::OpenProducer { transport, producer, video, mid, encodings, payloads } => {
            producers::open_producer(tables, (transport, producer), video, mid, encodings, payloads)
        }
        Command::OpenPart { router } => transports::open_part(tables, router),
        Command::OpenMirror { router, transport, from, line } => {
            transports::open_mirror(tables, (router, transport), (from, line), turn.now_us)
        }
        Command::SetMirrored { producer, to, on } => mirror_out::set_mirrored(tables, producer, to, on, turn),
        other => carry_out_on_line(whereabouts, tables, other, turn),
    }
}

fn carry_out_on_line<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    command: Command,
    turn: &mut Turn<S>,
) -> Option<()> {
    match command {
        Command::OpenLine { router, transport, rtp_socket, rtcp_socket, latch, silent_us, cname } => {
            line_sockets::open_line(
                whereabouts,
                tables,
                (router, transport),
                (rtp_socket, rtcp_socket),
                (latch, silent_us),
                &cname,
                turn,
            )
        }
        Command::SetLineRemote { transport, rtp, rtcp } => lines::set_line_remote(tables, transport, rtp, rtcp, turn),
        Command::SetLineFeedback { transport, feedback } => lines::set_line_feedback(tables, transport, feedback),
        Command::SetBitrateLimit { transport, bitrate_bps } => {
            lines::set_bitrate_limit(tables, transport, bitrate_bps, turn)
        }
        Command::OpenMessages { transport, send_type, receive_type } => {
            messages::open_messages(tables, transport, (send_type, receive_type), turn)
        }
        Command::SendMessage { transport, message } => messages::send_message(tables, transport, &message, turn),
        Command::SwitchSource { consumer, producer, payloads } => {
            consumers::switch_source(tables, consumer, producer, payloads, turn)
        }
        other => carry_out_on_track(whereabouts, tables, other, turn),
    }
}

fn carry_out_on_track<S: Sink>(
    _whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    command: Command,
    turn: &mut Turn<S>,
) -> Option<()> {
    match command {
        Command::CloseProducer { producer } => {
            let key = *tables.ids.producers.get(&producer)?;
            producers::close_producer(tables, key, turn)
        }
        Command::PauseProducer { producer, paused } => producers::pause_producer(tables, producer, paused, turn),
        Command::RequestKeyframe { producer, layer } => producers::request_keyframe(tables, producer, layer, turn),
        Command::OpenConsumer { .. } => consumers::open_consumer(tables, command, turn),
        Command::CloseConsumer { consumer } => {
            let key = *tables.ids.consumers.get(&consumer)?;
            consumers::close_consumer(tables, key, turn)
        }
        Command::PauseConsumer { consumer, paused } => consumers::pause_consumer(tables, consumer, paused, turn),
        Command::SetLayers { consumer, layer, temporal } => {
            consumers::set_layers(tables, consumer, layer, temporal, turn)
        }
        Command::SetVoices { router, most } => voices::set_voices(tables, router, (most, Audience::Viewers), turn),
        Command::SetMixedVoices { router, most } => voices::set_voices(tables, router, (most, Audience::Mixer), turn),
        Command::MeterVoice { producer } => {
            let key = *tables.ids.producers.get(&producer)?;
            tables.producers[key].meter.get_or_insert_default();
            Some(())
        }
        Command::KeepVoice { producer } => voices::keep_voice(tables, producer, turn),
        Command::ForgoRepairs { producer } => {
            let key = *tables.ids.producers.get(&producer)?;
            tables.producers[key].repaired = false;
            Some(())
        }
        Command::MakeRed { consumer, payload_type } => {
            let key = *tables.ids.consumers.get(&consumer)?;
            tables.consumers[key].red.redundancy.payload_type = Some(payload_type);
            Some(())
        }
        Command::SetPriority { consumer, priority, keeps } => {
            consumers::set_priority(tables, consumer, priority, keeps, turn)
        }
        _ => None,
    }
}
