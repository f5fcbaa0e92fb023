use std::path::PathBuf;

const SCHEME: &str = "unix://";

/// A server URL that names no unix socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` names no unix socket; write it as `unix:///run/supervisor.sock`")]
pub struct UrlError {
    url: String,
}

/// The socket file of a URL as `supervisorctl` takes it: `unix:///run/supervisor.sock`, or an absolute path alone.
///
/// Fails for every other scheme and for a relative path: a daemon's working directory is nobody's business.
pub fn socket_of_url(url: &str) -> Result<PathBuf, UrlError> {
    let path = url.strip_prefix(SCHEME).unwrap_or(url);
    if path.starts_with('/') && !path.ends_with('/') && !path.contains('\0') {
        Ok(PathBuf::from(path))
    } else {
        Err(UrlError { url: url.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_and_a_bare_path_name_the_same_socket() {
        let socket = PathBuf::from("/var/run/supervisor.sock");
        assert_eq!(socket_of_url("unix:///var/run/supervisor.sock"), Ok(socket.clone()));
        assert_eq!(socket_of_url("/var/run/supervisor.sock"), Ok(socket));
    }

    #[test]
    fn other_schemes_and_relative_paths_are_refused() {
        for url in [
            "http://127.0.0.1:9001",
            "unix://run/x.sock",
            "run/x.sock",
            "",
            "unix://",
            "/",
            "unix:///",
        ] {
            assert!(socket_of_url(url).is_err(), "{url}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_absolute(url in "\\PC{0,30}") {
            if let Ok(path) = socket_of_url(&url) {
                prop_assert!(path.is_absolute());
            }
        }
    }
}
