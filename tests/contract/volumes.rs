use linflow::linstor::{Kind, Object};

use super::cluster::{SIZE_KIB, on_each};

#[tokio::test]
async fn a_volume_grows_and_its_device_is_at_least_as_large() {
    on_each(|cluster| async move {
        let volume = cluster.make_volume("grow").await;
        cluster.await_view(&volume, |seen| seen[0].device_path(0).is_some()).await;
        cluster.client.resize(&volume, 0, SIZE_KIB * 2).await.unwrap();
        assert_eq!(cluster.definition(&volume).await.unwrap().size_kib(), Some(SIZE_KIB * 2));
        let seen = cluster.view(&[&volume], &[]).await;
        assert_eq!(seen.len(), 1);
        // Without DRBD a thin file tells what is allocated, which is less.
        if cluster.can("the usable size after growth", 1, true) {
            cluster
                .await_view(&volume, |seen| seen[0].volume(0).unwrap().usable_size_kib() >= Some(SIZE_KIB * 2))
                .await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_volume_may_be_given_the_size_that_it_has() {
    on_each(|cluster| async move {
        let volume = cluster.make_volume("same").await;
        cluster.client.resize(&volume, 0, SIZE_KIB).await.unwrap();
        assert_eq!(cluster.definition(&volume).await.unwrap().size_kib(), Some(SIZE_KIB));
    })
    .await;
}

#[tokio::test]
async fn a_volume_that_is_not_there_does_not_grow() {
    on_each(|cluster| async move {
        let volume = cluster.make_volume("nosize").await;
        let refused = cluster.client.resize(&volume, 7, SIZE_KIB * 2).await.unwrap_err();
        assert_eq!(refused.kind(), Some(Kind::NotFound(Object::VolumeDefinition)), "{refused}");
        let missing = cluster.volume("missing");
        let refused = cluster.client.resize(&missing, 0, SIZE_KIB).await.unwrap_err();
        assert!(refused.is_not_found(), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_definition_has_one_volume_0() {
    on_each(|cluster| async move {
        let volume = cluster.make_volume("second").await;
        let refused = cluster.client.create_volume_definition(&volume, SIZE_KIB).await;
        // LINSTOR counts on where no number is given; linflow gives 0.
        assert_eq!(refused.unwrap_err().kind(), Some(Kind::Exists(Object::VolumeDefinition)));
        assert_eq!(cluster.definition(&volume).await.unwrap().volume_definitions.len(), 1);
    })
    .await;
}
