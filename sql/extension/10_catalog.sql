-- Catalog tables, columns as the incumbent's (PostgresML) with our additions behind. All are configuration tables: dump and restore carry
-- models like any data. Column order is fixed: am/models/catalog_tables.h reads by attribute number; only append.
CREATE TABLE pgml.projects (
	id bigserial PRIMARY KEY,
	name text NOT NULL UNIQUE,
	task pgml.task NOT NULL,
	created_at timestamp NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamp NOT NULL DEFAULT clock_timestamp(),
	owner regrole NOT NULL DEFAULT pg_catalog.quote_ident(current_user)::regrole,
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
	owner regrole NOT NULL DEFAULT pg_catalog.quote_ident(current_user)::regrole
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
	row_cost double precision NOT NULL DEFAULT 0,  -- planner cost of one prediction, in cpu_operator_cost
	provenance jsonb NOT NULL DEFAULT '{}'  -- who trained with which seed, threads and versions; the data is the snapshot's
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
-- Not compressed: a new session reads a model before its first prediction, and numbers hardly compress.
ALTER TABLE pgml.files ALTER COLUMN data SET STORAGE EXTERNAL;

SELECT pg_catalog.pg_extension_config_dump('pgml.projects', '');
SELECT pg_catalog.pg_extension_config_dump('pgml.projects_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pgml.snapshots', '');
SELECT pg_catalog.pg_extension_config_dump('pgml.snapshots_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pgml.models', '');
SELECT pg_catalog.pg_extension_config_dump('pgml.models_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pgml.deployments', '');
SELECT pg_catalog.pg_extension_config_dump('pgml.deployments_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pgml.files', '');
SELECT pg_catalog.pg_extension_config_dump('pgml.files_id_seq', '');

-- Every backend, on a standby too, forgets what it cached of the catalog when a change to it commits, however it was made.
CREATE FUNCTION pgml.catalog_changed() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pgml_catalog_changed' LANGUAGE C VOLATILE;
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgml.projects
	FOR EACH STATEMENT EXECUTE FUNCTION pgml.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgml.models
	FOR EACH STATEMENT EXECUTE FUNCTION pgml.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgml.deployments
	FOR EACH STATEMENT EXECUTE FUNCTION pgml.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgml.files
	FOR EACH STATEMENT EXECUTE FUNCTION pgml.catalog_changed();
ALTER TABLE pgml.projects ENABLE ALWAYS TRIGGER catalog_changed;
ALTER TABLE pgml.models ENABLE ALWAYS TRIGGER catalog_changed;
ALTER TABLE pgml.deployments ENABLE ALWAYS TRIGGER catalog_changed;
ALTER TABLE pgml.files ENABLE ALWAYS TRIGGER catalog_changed;

CREATE FUNCTION pgml.set_updated_at() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pgml_set_updated_at' LANGUAGE C VOLATILE;
CREATE TRIGGER set_updated_at BEFORE UPDATE ON pgml.projects
	FOR EACH ROW EXECUTE FUNCTION pgml.set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON pgml.snapshots
	FOR EACH ROW EXECUTE FUNCTION pgml.set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON pgml.models
	FOR EACH ROW EXECUTE FUNCTION pgml.set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON pgml.files
	FOR EACH ROW EXECUTE FUNCTION pgml.set_updated_at();

-- Who sees what. A project, its models and deployments: members of its owner and roles that may use it. Model bytes and
-- snapshots, which are samples of somebody's data: the owner alone. Rows are written by the functions of the extension,
-- as the tables' owner; nobody else has the right. Operators are qualified: the policies must not pick up planted ones.
ALTER TABLE pgml.projects ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON pgml.projects FOR SELECT USING (
	pg_catalog.pg_has_role(owner::pg_catalog.oid, 'USAGE')
	OR EXISTS (
		SELECT FROM pg_catalog.unnest(users::pg_catalog.oid[]) AS granted
		WHERE granted OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR pg_catalog.pg_has_role(granted, 'USAGE')));
ALTER TABLE pgml.models ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON pgml.models FOR SELECT USING (
	EXISTS (SELECT FROM pgml.projects WHERE projects.id OPERATOR(pg_catalog.=) models.project_id));
ALTER TABLE pgml.deployments ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON pgml.deployments FOR SELECT USING (
	EXISTS (SELECT FROM pgml.projects WHERE projects.id OPERATOR(pg_catalog.=) deployments.project_id));
ALTER TABLE pgml.snapshots ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON pgml.snapshots FOR SELECT USING (
	pg_catalog.pg_has_role(owner::pg_catalog.oid, 'USAGE'));
ALTER TABLE pgml.files ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON pgml.files FOR SELECT USING (
	EXISTS (
		-- No JOIN: every new session reads this expression, and a join lists all columns of both tables again.
		SELECT FROM pgml.models, pgml.projects
		WHERE models.id OPERATOR(pg_catalog.=) files.model_id AND projects.id OPERATOR(pg_catalog.=) models.project_id
		AND pg_catalog.pg_has_role(projects.owner::pg_catalog.oid, 'USAGE')));

-- One row per deployment, newest first.
CREATE VIEW pgml.overview WITH (security_invoker = true) AS
	SELECT p.name, d.created_at AS deployed_at, p.task, m.algorithm, m.runtime, s.relation_name, s.y_column_name,
		s.test_sampling, s.test_size
	FROM pgml.deployments d
	JOIN pgml.projects p ON p.id OPERATOR(pg_catalog.=) d.project_id
	JOIN pgml.models m ON m.id OPERATOR(pg_catalog.=) d.model_id
	LEFT JOIN pgml.snapshots s ON s.id OPERATOR(pg_catalog.=) m.snapshot_id
	ORDER BY d.id DESC;

-- One row per model, newest first; deployed: the project answers with it now.
CREATE VIEW pgml.trained_models WITH (security_invoker = true) AS
	SELECT m.id, p.name, p.task, m.algorithm, m.runtime, m.created_at, s.test_sampling, s.test_size,
		COALESCE(m.id OPERATOR(pg_catalog.=) (
			SELECT d.model_id FROM pgml.deployments d WHERE d.project_id OPERATOR(pg_catalog.=) p.id
			ORDER BY d.id DESC LIMIT 1), false) AS deployed
	FROM pgml.models m
	JOIN pgml.projects p ON p.id OPERATOR(pg_catalog.=) m.project_id
	LEFT JOIN pgml.snapshots s ON s.id OPERATOR(pg_catalog.=) m.snapshot_id
	ORDER BY m.created_at DESC, m.id DESC;

-- One row per project that has a deployed model.
CREATE VIEW pgml.deployed_models WITH (security_invoker = true) AS
	SELECT m.id, p.name, p.task, m.algorithm, m.runtime, d.created_at AS deployed_at
	FROM pgml.projects p
	CROSS JOIN LATERAL (
		SELECT live.model_id, live.created_at FROM pgml.deployments live
		WHERE live.project_id OPERATOR(pg_catalog.=) p.id ORDER BY live.id DESC LIMIT 1) AS d
	JOIN pgml.models m ON m.id OPERATOR(pg_catalog.=) d.model_id
	ORDER BY p.name;

GRANT SELECT ON pgml.projects, pgml.snapshots, pgml.models, pgml.deployments, pgml.files, pgml.overview,
	pgml.trained_models, pgml.deployed_models TO PUBLIC;
