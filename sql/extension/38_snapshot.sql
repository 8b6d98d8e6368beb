-- What a relation holds, recorded as training records it; arguments and result are the incumbent's.
CREATE FUNCTION pgml.snapshot(
	relation_name text,
	y_column_name text,
	test_size real DEFAULT 0.25,
	test_sampling pgml.sampling DEFAULT 'stratified',
	preprocess jsonb DEFAULT '{}'
) RETURNS TABLE (relation text, y_column_name text)
	AS 'MODULE_PATHNAME', 'pgml_snapshot' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 1;
