use std::net::TcpListener;

use evenkeel_probe::{FailureClass, Target, TcpTarget};

use crate::{assert_bad, assert_good, measure};

#[tokio::test]
async fn an_open_port_is_good_and_a_closed_one_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target =
        Target::Tcp(TcpTarget::try_new(&listener.local_addr().unwrap().to_string()).unwrap());
    assert_good(&measure(target.clone()).await, &target);
    drop(listener);
    assert_bad(&measure(target).await, FailureClass::Refused);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_dns_failure() {
    let target = Target::Tcp(TcpTarget::try_new("no-such-host.invalid:80").unwrap());
    assert_bad(&measure(target).await, FailureClass::Dns);
}
