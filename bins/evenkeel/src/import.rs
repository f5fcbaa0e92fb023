use std::io::{self, Read};
use std::path::Path;

use evenkeel_cli::{Common, Exit, Failure, escaped, print_json, print_line, print_remark};
use evenkeel_import::{Format, import};
use serde_json::json;

use crate::args::{Import, ImportFormat};

/// Far more than anybody writes by hand; `/dev/zero` ends too.
const MAX_BYTES: u64 = 1 << 20;

/// `evenkeel config import FILE`: settings on standard output, what they leave out on standard error.
pub(crate) fn run(common: &Common, args: &Import) -> Result<Exit, Failure> {
    let name = escaped(&args.file);
    let text = read(&args.file)
        .map_err(|reason| Failure::usage(format!("cannot read {name}: {reason}")))?;
    let format = args.from.map(Format::from).or_else(|| Format::guess(&args.file, &text));
    let format = format.ok_or_else(|| {
        Failure::usage(format!(
            "{name} looks like none of tmpfiles.d, logrotate or cron; say which with `--from`"
        ))
    })?;
    let imported = import(format, &text);
    if common.json {
        print_json(&json!({
            "format": format.as_str(),
            "settings": imported.to_toml(),
            "left_out": imported.left_out,
        }));
    } else {
        print_line(imported.to_toml().trim_end());
        for left_out in &imported.left_out {
            let reason = escaped(&left_out.reason);
            let text = escaped(&left_out.text);
            print_remark(format_args!("{name}:{}: left out: {text}: {reason}", left_out.line));
        }
    }
    Ok(if imported.left_out.is_empty() { Exit::Holds } else { Exit::Deviates })
}

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        #[expect(clippy::disallowed_methods, reason = "the operator names the file, links too")]
        let file = std::fs::File::open(path);
        file.and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    }
    .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        format!("line {line} is not UTF-8")
    })
}

impl From<ImportFormat> for Format {
    fn from(format: ImportFormat) -> Self {
        match format {
            ImportFormat::Tmpfiles => Self::Tmpfiles,
            ImportFormat::Logrotate => Self::Logrotate,
            ImportFormat::Cron => Self::Cron,
        }
    }
}
