-- What trainings are doing now, in all databases. As in pg_stat_activity, what another role does is for pg_read_all_stats.
CREATE FUNCTION pgml.training_progress_entries(
	OUT pid integer, OUT datid oid, OUT usesysid oid, OUT project text, OUT relid oid, OUT phase text, OUT rows_read bigint,
	OUT rounds_done bigint, OUT rounds_total bigint, OUT candidates_done bigint, OUT candidates_total bigint,
	OUT best_score double precision, OUT started_at timestamptz
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pgml_training_progress_entries' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 10;

CREATE VIEW pgml.training_progress WITH (security_invoker = true) AS
	SELECT e.pid, e.datid, d.datname, e.usesysid, r.rolname AS usename, e.project,
		CASE WHEN d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() THEN e.relid::pg_catalog.regclass END AS relation,
		e.phase, e.rows_read, e.rounds_done, e.rounds_total, e.candidates_done, e.candidates_total, e.best_score, e.started_at,
		pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) e.started_at AS elapsed
	FROM pgml.training_progress_entries() AS e
	LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) e.datid
	LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) e.usesysid;
GRANT SELECT ON pgml.training_progress TO PUBLIC;
