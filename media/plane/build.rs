//! The build script. It makes `SOURCES_DIGEST`, so that Python can detect a library that is older than its sources.
//!
//! Recipe: take `Cargo.toml`, `Cargo.lock`, `core/Cargo.toml`, `udp/Cargo.toml` and every `*.rs` below `src`, `core/src` and
//! `udp/src`. Sort their paths as bytes (relative to this folder, with `/` between the parts). Compute SHA-256 over these
//! fields of each file: path, a zero byte, length in decimal digits, a zero byte, content. Write the digest in hex.

use sha2::{Digest, Sha256};
use std::path::Path;
use std::{env, fs, io};

const FILES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "core/Cargo.toml", "udp/Cargo.toml"];
const FOLDERS: [&str; 3] = ["src", "core/src", "udp/src"];

fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let mut paths: Vec<String> = FILES.map(String::from).into();
    for folder in FOLDERS {
        collect(Path::new(&root), folder, &mut paths)?;
    }
    paths.sort_unstable();
    for path in FILES.iter().chain(&FOLDERS) {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rustc-env=SOURCES_DIGEST={}", digest(Path::new(&root), &paths)?);
    Ok(())
}

fn collect(root: &Path, folder: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(root, &path, paths)?;
        } else if path.ends_with(".rs") {
            paths.push(path);
        }
    }
    Ok(())
}

fn digest(root: &Path, paths: &[String]) -> io::Result<String> {
    let mut sha = Sha256::new();
    for path in paths {
        let content = fs::read(root.join(path))?;
        sha.update(format!("{path}\0{}\0", content.len()));
        sha.update(content);
    }
    Ok(sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
