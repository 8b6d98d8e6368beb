-- The models in shared memory, of all databases. Which model it is: for those who may use its project, and for pg_read_all_stats.
CREATE FUNCTION pgml.model_cache_entries(
	OUT datid oid, OUT model_id bigint, OUT project text, OUT bytes bigint, OUT sessions integer, OUT hits bigint, OUT loads bigint,
	OUT evicted boolean, OUT loaded_at timestamptz, OUT last_used timestamptz
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pgml_model_cache_entries' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 20;

CREATE VIEW pgml.model_cache WITH (security_invoker = true) AS
	SELECT e.datid, d.datname, e.model_id, e.project, e.bytes, e.sessions, e.hits, e.loads, e.evicted, e.loaded_at, e.last_used
	FROM pgml.model_cache_entries() AS e
	LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) e.datid;
GRANT SELECT ON pgml.model_cache TO PUBLIC;
