-- Runs first: the extension every other file uses.
CREATE EXTENSION pgml_am;
SELECT extname, extversion FROM pg_extension WHERE extname = 'pgml_am';
