//! Finding the device and proving it.

use super::*;
use crate::node::host::DeviceNumber;

const LINK: &str = "/dev/drbd/by-res/vol1/0";

fn block() -> StageRequest {
    StageRequest { access: Access::Block, ..stage_request(FsType::Ext4, &[]) }
}

#[tokio::test]
async fn the_by_res_link_and_the_path_of_linstor_must_be_one_device() {
    let (host, _) = machine();
    host.add_device("/dev/drbd1001", SIZE);
    host.add_link(LINK, DEVICE);
    stage(&host, &block()).await.unwrap();

    host.add_link(LINK, "/dev/drbd1001");
    let wrong = stage(&host, &block()).await.unwrap_err();
    assert!(matches!(wrong, Error::WrongDevice { is: DeviceNumber { minor: 1001, .. }, .. }), "{wrong}");
}

#[tokio::test]
async fn the_link_is_enough_where_linstors_path_is_not_there() {
    let (host, _) = machine();
    host.add_link(LINK, DEVICE);
    let mut request = block();
    request.device.path = "/dev/drbd1005".into();
    stage(&host, &request).await.unwrap();
}

#[tokio::test]
async fn a_path_that_names_a_minor_must_have_it() {
    let (host, _) = machine();
    host.add_device("/dev/sda", SIZE);
    host.add_link("/dev/drbd1007", "/dev/sda");
    let mut request = block();
    request.device.path = "/dev/drbd1007".into();
    assert!(matches!(stage(&host, &request).await, Err(Error::WrongDevice { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_come_is_waited_for_until_the_deadline() {
    let (host, _) = machine();
    let mut request = block();
    request.device.path = "/dev/drbd1009".into();
    let deadline = soon();
    let missing = super::super::stage(&host, &request, &host.record(), deadline).await.unwrap_err();
    assert!(matches!(missing, Error::DeviceMissing { waited, .. } if waited == Duration::from_secs(30)), "{missing}");
    assert_eq!(Instant::now(), deadline);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_comes_late_is_taken() {
    let (host, _) = machine();
    let mut request = block();
    request.device.path = "/dev/drbd1009".into();
    let appear = async {
        tokio::time::advance(Duration::from_secs(3)).await;
        host.add_device("/dev/drbd1009", SIZE);
    };
    let (staged, ()) = tokio::join!(stage(&host, &request), appear);
    staged.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_drbd_client_that_has_met_no_peer_yet_has_no_size_and_is_waited_for() {
    let (host, _) = machine();
    host.add_device("/dev/drbd1009", 0);
    let mut request = block();
    request.device.path = "/dev/drbd1009".into();
    assert!(matches!(stage(&host, &request).await, Err(Error::DeviceMissing { .. })));
}

#[tokio::test]
async fn a_device_may_be_larger_than_promised_but_not_smaller() {
    let (host, _) = machine();
    let mut request = block();
    request.device.min_bytes = SIZE - 4096;
    stage(&host, &request).await.unwrap();
    request.device.min_bytes = SIZE + 1;
    let small = stage(&host, &request).await.unwrap_err();
    assert!(matches!(small, Error::DeviceTooSmall { size: SIZE, .. }), "{small}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_while_another_process_has_the_devices_lock() {
    let (host, device) = machine();
    let lock = host.hold_lock(&device);
    assert!(lock.is_some());
    let busy = stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap_err();
    assert!(matches!(busy, Error::Busy(_)), "{busy}");
    assert!(!has_written(&host));
    drop(lock);
    stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
}
