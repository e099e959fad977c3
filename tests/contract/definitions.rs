use linflow::linstor::{
    model::{DefinitionQuery, PropFilter, Spawn},
    name::ResourceName,
};

use super::cluster::{Cluster, on_each};

/// Two definitions of one "run", of which one has another "task".
async fn two_of_a_run(cluster: &Cluster) -> [ResourceName; 2] {
    let group = cluster.make_group("filter").await;
    let volumes = [cluster.volume("one"), cluster.volume("two")];
    for (volume, task) in volumes.iter().zip(["extract été", "load"]) {
        let props = [("Aux/airflow/run_id", cluster.run()), ("Aux/airflow/task_id", task)];
        let props = props.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let spawn =
            Spawn { resource_definition_props: props.into(), definitions_only: true, ..cluster.spawn_of(volume) };
        cluster.client.spawn(&group, &spawn).await.unwrap();
    }
    volumes
}

fn by_props(filters: &[(&str, Option<&str>)]) -> DefinitionQuery {
    let filter = |(key, value): &(&str, Option<&str>)| match value {
        Some(value) => PropFilter::Is((*key).to_owned(), (*value).to_owned()),
        None => PropFilter::Has((*key).to_owned()),
    };
    DefinitionQuery { props: filters.iter().map(filter).collect(), ..DefinitionQuery::default() }
}

#[tokio::test]
async fn definitions_are_filtered_by_name_and_unknown_names_left_out() {
    on_each(|cluster| async move {
        let [one, two] = two_of_a_run(&cluster).await;
        let unknown = ResourceName::parse(&format!("lfct-no-{}", cluster.run())).unwrap();
        let names = |names: &[&ResourceName]| DefinitionQuery {
            names: names.iter().map(|&name| name.clone()).collect(),
            ..DefinitionQuery::default()
        };
        assert_eq!(cluster.definitions(names(&[&one])).await, [one.to_string()].into());
        assert_eq!(
            cluster.definitions(names(&[&one, &two, &unknown])).await,
            [one.to_string(), two.to_string()].into()
        );
        assert!(cluster.definitions(names(&[&unknown])).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn definitions_are_found_by_a_property_that_is_there_or_has_a_value_and_by_all_at_once() {
    on_each(|cluster| async move {
        let [one, two] = two_of_a_run(&cluster).await;
        let (run, task) = ("Aux/airflow/run_id", "Aux/airflow/task_id");
        let both = [one.to_string(), two.to_string()];
        let present = cluster.definitions(by_props(&[(run, None), (task, None)])).await;
        assert!(both.iter().all(|name| present.contains(name)), "{present:?}");
        let of_the_run = (run, Some(cluster.run()));
        assert_eq!(cluster.definitions(by_props(&[of_the_run])).await, both.into());
        let extract = by_props(&[of_the_run, (task, Some("extract été"))]);
        assert_eq!(cluster.definitions(extract).await, [one.to_string()].into());
        for task in [Some("extract"), Some("LOAD"), Some("other")] {
            let none = by_props(&[of_the_run, ("Aux/airflow/task_id", task)]);
            assert!(cluster.definitions(none).await.is_empty(), "{task:?}");
        }
        assert!(cluster.definitions(by_props(&[of_the_run, ("Aux/airflow/nothing", None)])).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_name_and_a_property_must_both_fit() {
    on_each(|cluster| async move {
        let [one, two] = two_of_a_run(&cluster).await;
        let task = ("Aux/airflow/task_id", Some("load"));
        for (name, fits) in [(one, false), (two, true)] {
            let query = DefinitionQuery { names: vec![name.clone()], ..by_props(&[task]) };
            assert_eq!(cluster.definitions(query).await.contains(name.as_str()), fits, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_definition_alone_has_a_size_and_no_resources() {
    on_each(|cluster| async move {
        let [one, _] = two_of_a_run(&cluster).await;
        assert_eq!(cluster.definition(&one).await.unwrap().size_kib(), Some(super::cluster::SIZE_KIB));
        assert!(cluster.view(&[&one], &[]).await.is_empty());
    })
    .await;
}
