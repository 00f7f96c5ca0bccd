//! Writes the seeds of every target into the directory named: one directory for each target.

use std::fs;
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let corpus = PathBuf::from(std::env::args().nth(1).expect("the directory of the corpus"));
    for (name, _, seeds) in plane_fuzz::all() {
        let directory = corpus.join(name);
        fs::create_dir_all(&directory)?;
        for (n, seed) in seeds.iter().enumerate() {
            fs::write(directory.join(format!("seed-{n}")), seed)?;
        }
    }
    Ok(())
}
