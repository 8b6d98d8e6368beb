-- Catalog tables, columns as the incumbent's (PostgresML) with our additions behind. All are configuration tables: dump and restore carry
-- models like any data. Column order is fixed: am/model_catalog.cpp reads by attribute number; only append.
CREATE TABLE pgml.projects (
	id bigserial PRIMARY KEY,
	name text NOT NULL UNIQUE,
	task pgml.task NOT NULL,
	created_at timestamp NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamp NOT NULL DEFAULT clock_timestamp(),
	owner regrole NOT NULL DEFAULT current_user::regrole,
	users regrole[] NOT NULL DEFAULT '{}'  -- roles that pgml.grant_use let evaluate the project; 0 stands for PUBLIC
);
CREATE TABLE pgml.snapshots (
	id bigserial PRIMARY KEY,
	relation_name text NOT NULL,
	y_column_name text[],
	test_size real NOT NULL,
	test_sampling pgml.sampling NOT NULL,
	status text NOT NULL,
	columns jsonb,
	analysis jsonb,
	created_at timestamp NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamp NOT NULL DEFAULT clock_timestamp(),
	materialized boolean NOT NULL DEFAULT false,
	owner regrole NOT NULL DEFAULT current_user::regrole
);
CREATE TABLE pgml.models (
	id bigserial PRIMARY KEY,
	project_id bigint NOT NULL REFERENCES pgml.projects ON DELETE CASCADE,
	snapshot_id bigint REFERENCES pgml.snapshots ON DELETE SET NULL,
	num_features integer NOT NULL,
	algorithm text NOT NULL,
	runtime pgml.runtime NOT NULL DEFAULT 'native',
	hyperparams jsonb NOT NULL DEFAULT '{}',
	status text NOT NULL,
	metrics jsonb,
	search text,
	search_params jsonb NOT NULL DEFAULT '{}',
	search_args jsonb NOT NULL DEFAULT '{}',
	created_at timestamp NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamp NOT NULL DEFAULT clock_timestamp(),
	row_cost double precision NOT NULL DEFAULT 0  -- planner cost of one prediction, in cpu_operator_cost
);
CREATE INDEX models_project_id_idx ON pgml.models (project_id);
CREATE TABLE pgml.deployments (
	id bigserial PRIMARY KEY,
	project_id bigint NOT NULL REFERENCES pgml.projects ON DELETE CASCADE,
	model_id bigint NOT NULL REFERENCES pgml.models ON DELETE CASCADE,
	strategy pgml.strategy NOT NULL,
	created_at timestamp NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX deployments_project_id_id_idx ON pgml.deployments (project_id, id);
CREATE INDEX deployments_model_id_idx ON pgml.deployments (model_id);
CREATE TABLE pgml.files (
	id bigserial PRIMARY KEY,
	model_id bigint NOT NULL REFERENCES pgml.models ON DELETE CASCADE,
	path text NOT NULL,
	part integer NOT NULL,
	created_at timestamp NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamp NOT NULL DEFAULT clock_timestamp(),
	data bytea NOT NULL,
	UNIQUE (model_id, path, part)
);
