-- The table access method: heap storage, predictions computed at read time.
CREATE FUNCTION pgml.tableam_handler(internal) RETURNS table_am_handler
	AS 'MODULE_PATHNAME', 'pgml_tableam_handler' LANGUAGE C STRICT;
CREATE ACCESS METHOD pgml TYPE TABLE HANDLER pgml.tableam_handler;
COMMENT ON ACCESS METHOD pgml IS 'heap storage with prediction columns computed at read time';
