# A damaged faiss index gives an error or an answer, never a crash: bytes of its file are changed, then it is read, written and vacuumed.
# PGML_DAMAGES=n changes it that often.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $damages = $ENV{PGML_DAMAGES} // 40;
my $seed = $ENV{PGML_DAMAGE_SEED} // int(rand(1_000_000));
srand($seed);
note("PGML_DAMAGE_SEED=$seed");
my $node = new_node('damage', settings => "autovacuum = off\nmax_parallel_maintenance_workers = 0\nfull_page_writes = off");
$node->start;
load_vectors($node, 800, "WITH (factory = 'IVF8,PQx4fs')");
$node->safe_psql('postgres', 'DELETE FROM vectors WHERE id % 3 = 0; CHECKPOINT');
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('vectors_v')});
$node->stop;
my $whole = slurp_file($path);
my $pages = length($whole) / 8192;

my $statements = <<'SQL';
SET enable_seqscan = off; SET enable_sort = off; SET statement_timeout = '60s';
SELECT count(*) FROM (SELECT id FROM vectors ORDER BY v <-> some_vector(5)) s;
SET pgml.recall = 1;
SELECT count(*) FROM (SELECT id FROM vectors ORDER BY v <-> some_vector(7)) s;
SELECT count(*) FROM (SELECT id FROM vectors ORDER BY v <-> NULL::vector) s;
SELECT rows FROM pgml.index_info('vectors_v');
INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(20001, 20060) i;
DELETE FROM vectors WHERE id % 5 = 0;
VACUUM vectors;
SELECT count(*) FROM (SELECT id FROM vectors ORDER BY v <-> some_vector(5)) s;
SQL
my ($answers, $errors) = (0, 0);
for my $n (1 .. $damages)
{
	my $bytes = $whole;
	my @changed;
	for (1 .. 1 + int(rand(4)))
	{
		# Headers and tails of pages are hit more often than what lies between.
		my $kind = int(rand(4));
		my $offset = $kind == 0 ? int(rand(24)) : $kind == 1 ? 8192 - 1 - int(rand(100)) : $kind == 2 ? 24 + int(rand(160)) : int(rand(8192));
		my $at = int(rand(rand() < 0.3 ? 1 : $pages)) * 8192 + $offset;
		substr($bytes, $at, 1) = chr(rand() < 0.3 ? (0, 255)[ int(rand(2)) ] : int(rand(256)));
		push @changed, $at;
	}
	open(my $file, '+<:raw', $path) or die;
	print $file $bytes;
	truncate($file, length($bytes));
	close $file;
	$node->start;
	my ($status, $out, $err) = $node->psql('postgres', $statements, on_error_stop => 0);
	$answers++ if $err !~ /ERROR/;
	$errors++ if $err =~ /ERROR/;
	my $alive = $node->safe_psql('postgres', 'SELECT 1');
	ok($alive eq '1' && $err !~ /server closed|connection to server was lost|canceling/, "damage $n: the server lives") or diag("offsets @changed: $err");
	# What the damaged index made of the table is of no interest: back to the start.
	$node->stop('immediate');
	my $log = slurp_file($node->logfile);
	if ($log =~ /terminated by signal|PANIC|TRAP/)
	{
		fail("damage $n: offsets @changed: " . ($log =~ /(.*(?:terminated by signal|PANIC|TRAP).*)/)[0]);
		last;
	}
	open($file, '+<:raw', $path) or die;
	print $file $whole;
	truncate($file, length($whole));
	close $file;
	$node->start;
	$node->safe_psql('postgres', 'TRUNCATE vectors; INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(1, 800) i; REINDEX TABLE vectors; CHECKPOINT');
	$path = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('vectors_v')});
	$node->stop;
	$whole = slurp_file($path);
	$pages = length($whole) / 8192;
}
cmp_ok($errors, '>', $damages / 10, "damage is noticed: $errors errors, $answers answers");
done_testing();
