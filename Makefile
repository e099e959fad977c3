# make help lists the targets.
.NOTPARALLEL:
.PHONY: help demo test tools lint fmt unit chart manifests release sanity footprint crowd image airflow e2e e2e-smoke

CARGO ?= cargo
export PATH := $(CURDIR)/.tools/bin:$(PATH)

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## build, and watch a volume survive its node
	$(CARGO) run --release --locked -- demo

test: tools lint chart unit release sanity footprint ## everything that CI checks

tools: ## install what the tests need
	@ci/step.sh "tools" ci/tools.sh

lint: ## formatting, clippy, licences and dependencies
	@ci/step.sh "rustfmt" $(CARGO) fmt --check
	@ci/step.sh "clippy" $(CARGO) clippy --locked --all-targets -- -D warnings
	@ci/step.sh "cargo deny" cargo-deny --locked check --hide-inclusion-graph bans licenses sources

fmt: ## format the code
	$(CARGO) fmt

unit: ## unit, house, contract and end-to-end tests
	@ci/step.sh "cargo test" timeout 30m $(CARGO) test --locked --no-fail-fast

chart: ## lint and render the Helm chart, and compare deploy/manifests
	@ci/step.sh "chart" ci/chart.sh

manifests: ## write deploy/manifests anew from the chart
	ci/chart.sh --render

release: ## the release binary
	@ci/step.sh "release build" $(CARGO) build --release --locked

sanity: release ## csi-sanity, mount and block, on the sandbox (or on LINFLOW_LINSTOR_URL)
	@ci/step.sh "csi-sanity" ci/sanity.sh

footprint: release ## idle memory and binary size, with their limits
	@ci/step.sh "footprint" ci/footprint.sh

crowd: ## five hundred pods of one run at once, with LINSTOR's times: one controller, then two (3 minutes, once 10; not in `make test`)
	@ci/step.sh "a crowd, one controller" $(CARGO) bench --locked --bench crowd -- 500 1 storage
	@ci/step.sh "a crowd, two controllers" $(CARGO) bench --locked --bench crowd -- 500 2 storage

image: release ## build the image, start it, leave it in target/image (2 minutes; not in `make test`)
	@ci/step.sh "image" ci/image.sh

airflow: ## Airflow's side: lint, build and test the provider beside Airflow 2.11 and 3 (1 minute, once 3; not in `make test`)
	@ci/step.sh "airflow" airflow/test.sh

e2e-smoke: tools image ## a Kubernetes of its own, linflow in it, one pod and one volume (as root; not in `make test`)
	@ci/step.sh "e2e, smoke" e2e/run.sh smoke

e2e: tools image ## the same with every check, and docs/e2e.md written anew (as root; not in `make test`)
	@ci/step.sh "e2e" e2e/run.sh all
