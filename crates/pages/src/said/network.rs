use evenkeel_shown::said::{Awaited, NetworkCode, NotFollowed, StatusHint};

use super::span;
use crate::view::View;

/// What a look over the network found wrong.
pub(super) fn network(view: &View, code: &NetworkCode) -> String {
    match code {
        NetworkCode::NotWithin { awaited, within } => {
            let what = match awaited {
                Awaited::Name => "名前を解決できなかった",
                Awaited::Connection => "接続できなかった",
                Awaited::TlsSession => "TLS セッションが成立しなかった",
                Awaited::Response => "応答がなかった",
                Awaited::EndOfResponse => "応答が終わらなかった",
                Awaited::Taking => "送信した内容が受け取られなかった",
                Awaited::Answer => "期待する応答が来なかった",
            };
            format!("{}以内に{what}", span(view, *within))
        }
        NetworkCode::NoConnectionWithin { to, within } => {
            format!("{}以内に {to} に接続できなかった", span(view, *within))
        }
        NetworkCode::NoConnection { to, error } => format!("{to} に接続できない: {error}"),
        NetworkCode::Broke { error } => format!("接続が切れた: {error}"),
        NetworkCode::ClosedWithoutAnswer => "応答のないまま接続が閉じられた".to_owned(),
        NetworkCode::NotFoundInAnswer { pattern, bytes, answer } => {
            format!("応答 {bytes} バイトの中に `{pattern}` がない: `{answer}`")
        }
        NetworkCode::NoAddress { host } => format!("{host} のアドレスがない"),
        NetworkCode::NotResolvedWithin { host, within } => {
            format!("{}以内に {host} を名前解決できなかった", span(view, *within))
        }
        NetworkCode::NotResolved { host, error } => {
            format!("{host} を名前解決できない: {error}")
        }
        NetworkCode::NoNameOfCertificate { host } => {
            format!("{host} は証明書の名前になり得ない")
        }
        NetworkCode::NoTlsSession { with, error } => {
            format!("{with} と信頼できる TLS セッションが成立しない: {error}")
        }
        NetworkCode::UnreadableCertificates { file, error } => {
            format!("証明書を {file} から読み取れない: {error}")
        }
        NetworkCode::UnreadableKey { file, error } => {
            format!("秘密鍵を {file} から読み取れない: {error}")
        }
        NetworkCode::NoCertificate { file } => format!("{file} に使える証明書がない"),
        NetworkCode::KeyOfAnother { key, certificate, error } => {
            format!("{key} の鍵は {certificate} の証明書のものではない: {error}")
        }
        NetworkCode::NoTls { error } => format!("TLS を準備できない: {error}"),
        NetworkCode::CannotSend { error } => format!("リクエストを送信できない: {error}"),
        NetworkCode::Status { status, hint } => {
            let hint = hint.as_ref().map(status_hint).unwrap_or_default();
            format!("ステータス {status}{hint}")
        }
        NetworkCode::NotFollowed { to, why } => {
            let why = match why {
                NotFollowed::OffTls => "https から http に移るため",
                NotFollowed::OffSocket => "Unix ソケットの外に出るため",
                NotFollowed::NotAdmitted => "このモジュールに許されていないホストのため",
                NotFollowed::TakesBody => "リクエストの本文を別のホストに渡すことになるため",
                NotFollowed::Address(reason) => reason,
            };
            format!("{to} へのリダイレクトには従わない: {why}")
        }
        NetworkCode::NoRecord { name, record } => format!("{name} に {record} レコードがない"),
        NetworkCode::NotAmongAnswers { value, answers } => {
            format!("回答の中に {value} がない: {answers}")
        }
        NetworkCode::ServerSays { server, name, code } => {
            format!("{name} に対する {server} の回答: {}", answer(*code))
        }
        NetworkCode::NoAnswerToQuestion { server } => {
            format!("{server} の応答は問い合わせへの回答ではない")
        }
    }
}

fn status_hint(hint: &StatusHint) -> String {
    match hint {
        StatusHint::To(place) => format!("(リダイレクト先: {place})"),
        StatusHint::Wait(time) => format!("({time} 待つよう求められた)"),
        StatusHint::WaitUntil(moment) => format!("({moment} まで待つよう求められた)"),
    }
}

/// What a name server says by its code.
fn answer(code: u8) -> String {
    match code {
        1 => "問い合わせを読み取れない (FORMERR)".to_owned(),
        2 => "調べられない (SERVFAIL)".to_owned(),
        3 => "その名前は存在しない (NXDOMAIN)".to_owned(),
        4 => "対応していない (NOTIMP)".to_owned(),
        5 => "回答を拒否 (REFUSED)".to_owned(),
        other => format!("コード {other}"),
    }
}
