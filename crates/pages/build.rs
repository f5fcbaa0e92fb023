//! Compresses the assets once, here, so that the program carries them small and never has to.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

const ASSETS: [&str; 5] =
    ["evenkeel.css", "evenkeel.js", "icon.svg", "uplot/uPlot.iife.min.js", "uplot/uPlot.min.css"];

#[expect(clippy::disallowed_methods, reason = "cargo's own directories")]
fn main() -> std::io::Result<()> {
    let out = std::env::var_os("OUT_DIR").ok_or(std::io::ErrorKind::NotFound)?;
    for asset in ASSETS {
        let plain = std::fs::read(Path::new("assets").join(asset))?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&plain)?;
        let name = asset.rsplit('/').next().unwrap_or(asset);
        std::fs::write(Path::new(&out).join(name).with_added_extension("gz"), encoder.finish()?)?;
    }
    Ok(())
}
