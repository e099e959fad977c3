use tonic::Status;

use crate::{
    support::{Controller, World, create, csi::Create},
    walk::{Story, walk},
};

/// A volume that gets these attributes.
struct Modify(Create, &'static [(&'static str, &'static str)]);

impl Story for Modify {
    async fn arrange(&self, world: &World) -> String {
        world.controller.create(self.0.clone()).await.unwrap().volume_id
    }

    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status> {
        controller.modify(volume, self.1).await
    }
}

#[tokio::test]
async fn more_replicas_that_are_cut_anywhere_are_completed_by_the_next() {
    // Definition and view, properties, record, autoplace, view.
    let attributes = &[("placementCount", "3"), ("qosReadIops", "500")];
    walk(&Modify(create("pvc-1").mib(8), attributes), 6).await;
}

#[tokio::test]
async fn fewer_replicas_that_are_cut_anywhere_are_completed_by_the_next() {
    // Definition and view, records, record, nodes, delete, view, records.
    let three = create("pvc-1").mib(8).parameter("placementCount", "3");
    walk(&Modify(three, &[("placementCount", "2")]), 8).await;
}

#[tokio::test]
async fn a_create_with_attributes_that_is_cut_anywhere_is_completed_by_the_next() {
    struct Fresh;
    impl Story for Fresh {
        async fn arrange(&self, _: &World) -> String {
            "pvc-1".to_owned()
        }

        async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status> {
            controller.create(create(volume).mib(8).mutable("qosReadIops", "500")).await.map(drop)
        }
    }
    walk(&Fresh, 3).await;
}
