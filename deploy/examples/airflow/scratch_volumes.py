"""A DAG whose tasks work on volumes of linflow: Airflow 3 with the KubernetesExecutor.

`small` takes the /scratch that every worker pod has (values.yaml, or pod_template.yaml). `large` asks for more beside it,
on xfs: the claim is part of its pod, so that Kubernetes makes it before the task starts and deletes it after.
"""

from datetime import datetime
from pathlib import Path

from airflow.sdk import dag, task
from kubernetes.client import models as k8s

SORT_SPACE = k8s.V1Pod(
    spec=k8s.V1PodSpec(
        containers=[
            k8s.V1Container(
                name="base",
                volume_mounts=[k8s.V1VolumeMount(name="sort-space", mount_path="/sort")],
            )
        ],
        volumes=[
            k8s.V1Volume(
                name="sort-space",
                ephemeral=k8s.V1EphemeralVolumeSource(
                    volume_claim_template=k8s.V1PersistentVolumeClaimTemplate(
                        spec=k8s.V1PersistentVolumeClaimSpec(
                            access_modes=["ReadWriteOnce"],
                            storage_class_name="linflow-xfs",
                            resources=k8s.V1VolumeResourceRequirements(requests={"storage": "100Gi"}),
                        )
                    )
                ),
            )
        ],
    )
)


@dag(schedule=None, start_date=datetime(2026, 1, 1), catchup=False)
def scratch_volumes():
    @task
    def small(lines: int = 1000) -> int:
        path = Path("/scratch/numbers.txt")
        path.write_text("".join(f"{number}\n" for number in range(lines)))
        return sum(int(line) for line in path.open())

    @task(executor_config={"pod_override": SORT_SPACE}, retries=2)
    def large(total: int) -> None:
        path = Path("/sort/total.txt")
        # A retry is a new pod, and has a new volume: nothing of the last try is here.
        assert not path.exists()
        path.write_text(str(total))

    large(small())


scratch_volumes()
