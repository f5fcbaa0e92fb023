use evenkeel_cli::{Common, Exit, Failure, escaped, print_json, print_line, print_remark};
use evenkeel_import::{Format, import};
use serde_json::json;

use crate::args::{Import, ImportFormat};
use crate::named;

/// `evenkeel config import FILE`: settings on standard output, what they leave out on standard error.
pub(crate) fn run(common: &Common, args: &Import) -> Result<Exit, Failure> {
    let name = escaped(&args.file);
    let text = named::read(&args.file)?;
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

impl From<ImportFormat> for Format {
    fn from(format: ImportFormat) -> Self {
        match format {
            ImportFormat::Tmpfiles => Self::Tmpfiles,
            ImportFormat::Logrotate => Self::Logrotate,
            ImportFormat::Cron => Self::Cron,
        }
    }
}
