//! The files of the fuzz corpus. `seeds CORPUS` writes the seeds of every target and the kept inputs of earlier runs
//! (`kept/TARGET.bin`) into CORPUS/TARGET, one file each. `seeds CORPUS TARGET` does the reverse: it writes the files of
//! CORPUS/TARGET into `kept/TARGET.bin`, the shortest first.

use std::fs;
use std::path::{Path, PathBuf};

use plane_core::wire::framing::{FRAME_MAX, write_frame};

/// Bytes of kept inputs in the repository for one target.
const KEPT_MAX: usize = 48 << 10;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let corpus = PathBuf::from(arguments.next().expect("the directory of the corpus"));
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("kept");
    if let Some(name) = arguments.next() {
        return keep(&corpus.join(&name), &kept.join(name).with_extension("bin"));
    }
    for (name, _, seeds) in plane_fuzz::all() {
        let directory = corpus.join(name);
        fs::create_dir_all(&directory)?;
        for (n, seed) in seeds.iter().chain(&plane_fuzz::kept(name)).enumerate() {
            fs::write(directory.join(format!("seed-{n}")), seed)?;
        }
    }
    Ok(())
}

fn keep(corpus: &Path, file: &Path) -> std::io::Result<()> {
    let paths: Vec<_> = fs::read_dir(corpus)?.collect::<Result<_, _>>()?;
    let mut inputs: Vec<_> = paths.iter().map(|entry| fs::read(entry.path())).collect::<Result<_, _>>()?;
    inputs.sort_by_key(|input| (input.len(), input.clone()));
    let mut stream = Vec::new();
    for input in inputs.iter().filter(|input| (1..=FRAME_MAX).contains(&input.len())) {
        if stream.len() + input.len() + 2 <= KEPT_MAX {
            write_frame(&mut stream, input);
        }
    }
    fs::create_dir_all(file.parent().expect("a folder"))?;
    fs::write(file, stream)
}
