use linflow::linstor::name::NodeName;

use super::cluster::on_each;

#[tokio::test]
async fn the_controller_tells_its_version_and_one_that_linflow_works_with() {
    on_each(|cluster| async move {
        // An older one than linflow needs is an error here.
        let version = cluster.client.version().await.unwrap();
        assert!(!version.version.is_empty(), "{version:?}");
    })
    .await;
}

#[tokio::test]
async fn nodes_are_filtered_by_name_and_unknown_ones_left_out() {
    on_each(|cluster| async move {
        let (node, unknown) = (cluster.node(), NodeName::parse(&format!("no-{}", cluster.run())).unwrap());
        let found = cluster.client.nodes(&[node, &unknown]).await.unwrap();
        let names: Vec<&str> = found.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, [node.as_str()]);
        assert!(found[0].is_online() && !found[0].is_evicted());
        assert!(cluster.layers.iter().all(|layer| found[0].supports_layer(layer)), "{found:?}");
        assert!(cluster.client.nodes(&[&unknown]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn every_node_is_listed_where_none_is_named() {
    on_each(|cluster| async move {
        let all = cluster.client.nodes(&[]).await.unwrap();
        for node in &cluster.nodes {
            assert!(all.iter().any(|found| found.name == node.as_str()), "{node}");
        }
    })
    .await;
}

#[tokio::test]
async fn pools_are_filtered_by_node_and_name_and_tell_their_sizes() {
    on_each(|cluster| async move {
        let found = cluster.client.storage_pools(&[cluster.node()], &[&cluster.pool]).await.unwrap();
        let [pool] = found.as_slice() else { panic!("one pool was asked for: {found:?}") };
        assert_eq!(
            (pool.node_name.as_str(), pool.storage_pool_name.as_str()),
            (cluster.node().as_str(), cluster.pool.as_str())
        );
        assert!(!pool.is_diskless());
        let (free, total) = (pool.free_capacity.unwrap(), pool.total_capacity.unwrap());
        assert!(0 < free && free <= total, "{free} of {total} KiB");
    })
    .await;
}
