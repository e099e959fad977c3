use tonic::Status;

use crate::{
    state,
    support::{Controller, World, create, csi::Create},
    walk::{Story, walk},
};

const BYTES: i64 = 16 << 20;

struct Expand(Create);

impl Story for Expand {
    async fn arrange(&self, world: &World) -> String {
        world.controller.create(self.0.clone()).await.unwrap().volume_id
    }

    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status> {
        controller.expand(volume, BYTES, BYTES).await.map(|grown| assert_eq!(grown.capacity_bytes, BYTES))
    }
}

#[tokio::test]
async fn a_growth_that_is_cut_anywhere_is_completed_by_the_next() {
    // Definition and view, what fits, the new size, definition and view.
    let clean = walk(&Expand(create("pvc-1").mib(8)), 6).await;
    assert_eq!(state::count(&clean, "/v1/key-value-store"), 0);
}

#[tokio::test]
async fn a_growth_without_drbd_is_completed_by_the_next() {
    walk(&Expand(create("pvc-1").mib(8).storage_alone()), 6).await;
}
