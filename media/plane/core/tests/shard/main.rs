//! Tests of whole shards. They are one program, because a program for each folder takes twice as long to build.

mod abuse;
mod forwarding;
mod lines;
#[path = "../peer/mod.rs"]
mod peer;
#[path = "../recording/mod.rs"]
mod recording;
#[path = "../watch/mod.rs"]
mod watch;
#[path = "../way/mod.rs"]
mod way;
mod ways;
