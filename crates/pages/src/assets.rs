//! What a page loads from its own agent: under names that hold a hash of the content, so that a browser may keep it for ever.

use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use ring::digest::{SHA256, digest};

/// A file that pages refer to.
#[derive(Debug)]
pub struct Asset {
    /// The last part of its address, with a hash of its content.
    pub name: String,
    /// What it is, as `Content-Type` has it.
    pub content_type: &'static str,
    /// Its content, compressed with gzip.
    pub gzip: &'static [u8],
}

macro_rules! packed {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz"))
    };
}

/// All of them; what is loaded first comes first.
pub(crate) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("evenkeel.css", packed!("evenkeel.css")));
pub(crate) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("evenkeel.js", packed!("evenkeel.js")));
pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon.svg", packed!("icon.svg")));
pub(crate) static CHART_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("uPlot.css", packed!("uPlot.min.css")));
pub(crate) static CHART_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("uPlot.js", packed!("uPlot.iife.min.js")));

/// The asset of this name; `None` if there is none, or if it was one of another version.
pub fn asset(name: &str) -> Option<&'static Asset> {
    assets().find(|asset| asset.name == name)
}

/// All assets; what is loaded first comes first.
pub fn assets() -> impl Iterator<Item = &'static Asset> {
    [&STYLE, &SCRIPT, &ICON, &CHART_STYLE, &CHART_SCRIPT].into_iter().map(|asset| &**asset)
}

impl Asset {
    fn new(name: &str, gzip: &'static [u8]) -> Self {
        let hash = digest(&SHA256, gzip);
        let hash = hex(&hash.as_ref()[..8]);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let content_type = match extension {
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "text/javascript; charset=utf-8",
        };
        Self { name: format!("{stem}-{hash}.{extension}"), content_type, gzip }
    }

    /// Its content as it is, for whoever cannot unpack it.
    pub fn plain(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        // It was packed when this program was built; a test unpacks each.
        let _ = GzDecoder::new(self.gzip).read_to_end(&mut plain);
        plain
    }

    /// Where pages find it.
    pub fn address(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The source that a policy names to allow exactly `content` within a page.
pub(crate) fn policy_hash(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, content.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = include_str!("../assets/uplot/README.md");

    #[test]
    fn every_asset_is_found_by_its_name_and_unpacks() {
        for asset in [&STYLE, &SCRIPT, &ICON, &CHART_STYLE, &CHART_SCRIPT] {
            let found = super::asset(&asset.name).expect("it is found by its own name");
            assert!(found.plain().len() > 200, "{}", asset.name);
        }
        assert!(asset("evenkeel-0000000000000000.css").is_none());
    }

    #[test]
    fn the_chart_library_is_the_one_that_its_origin_names() {
        for asset in [&CHART_SCRIPT, &CHART_STYLE] {
            let hash = digest(&SHA256, &asset.plain());
            let hash = hex(hash.as_ref());
            assert!(ORIGIN.contains(&hash), "{}: {hash}", asset.name);
        }
    }

    #[test]
    fn what_we_write_ourselves_for_a_first_load_stays_small() {
        assert!(SCRIPT.plain().len() < 10_000, "{}", SCRIPT.plain().len());
        let all: usize = [&STYLE, &SCRIPT, &CHART_STYLE, &CHART_SCRIPT]
            .iter()
            .map(|asset| asset.gzip.len())
            .sum();
        assert!(all < 60_000, "{all}");
    }
}
