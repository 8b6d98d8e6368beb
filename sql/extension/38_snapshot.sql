-- The rows of a relation, kept in a table pgml.snapshot_ID as training would read them; arguments and result are the incumbent's.
CREATE FUNCTION pgml.snapshot(
	relation_name text,
	y_column_name text,
	test_size real DEFAULT 0.25,
	test_sampling pgml.sampling DEFAULT 'stratified',
	preprocess jsonb DEFAULT '{}'
) RETURNS TABLE (relation text, y_column_name text)
	AS 'MODULE_PATHNAME', 'pgml_snapshot' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 1;
CREATE FUNCTION pgml.drop_snapshot(snapshot_id bigint) RETURNS void
	AS 'MODULE_PATHNAME', 'pgml_drop_snapshot' LANGUAGE C VOLATILE PARALLEL UNSAFE;
