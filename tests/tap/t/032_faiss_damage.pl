# A damaged faiss index gives an error that says so, or an answer: never a crash, a loop without end or an internal error; and REINDEX
# mends it. Pages of every kind are damaged: bytes and words are changed, so that links lead in circles or elsewhere; pages lie in
# another's place, are torn, empty or missing. PGML_DAMAGES=n does it that often, PGML_DAMAGE_SEED chooses how.
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
my $node = new_node('damage', settings => "autovacuum = off\nmax_parallel_maintenance_workers = 0\nrestart_after_crash = on");
$node->start;
# Lists of several pages, chains that were compacted and pages that were given back, rows that span pages.
load_vectors($node, 3000, "WITH (factory = 'IVF2,PQx4fs')");
$node->safe_psql('postgres', q{
CREATE INDEX vectors_cosine ON vectors USING faiss (v vector_cosine_ops) WITH (factory = 'IVF5,SQ8');
CREATE TABLE wide AS SELECT i AS id, (SELECT array_agg((hashint8(i * 3000 + j) % 1000)::real) FROM generate_series(1, 2100) j)::vector(2100) AS v
	FROM generate_series(1, 60) i;
CREATE INDEX wide_v ON wide USING faiss (v) WITH (factory = 'IVF2,PQx4fs,RFlat');
DELETE FROM vectors WHERE id % 3 > 0;});
$node->safe_psql('postgres', 'VACUUM vectors');
$node->safe_psql('postgres', 'INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(4001, 5500) i');
my @indexes = map { my ($name, $table, $operator, $file) = split /\|/, $_; { name => $name, table => $table, operator => $operator, file => $file } }
  map { $_ . '|' . $node->safe_psql('postgres', "SELECT pg_relation_filenode('" . (split /\|/, $_)[0] . "')") } ('vectors_v|vectors|<->', 'vectors_cosine|vectors|<=>', 'wide_v|wide|<->');

sub statements
{
	my ($index) = @_;
	my ($name, $table, $operator) = @{$index}{qw(name table operator)};
	my $new = $table eq 'wide' ? 'SELECT id + $, v FROM wide WHERE id <= 20' : 'SELECT id + $, some_vector(id + $) FROM vectors WHERE id <= 900';
	my $query = "(SELECT v FROM $table WHERE id = 6)";
	my $nearest = "SELECT v $operator $query AS d FROM $table ORDER BY v $operator $query";
	my $center = $table eq 'wide' ? 'array_fill(500::real, ARRAY[2100])::vector' : 'some_vector(7)';
	return <<"SQL" =~ s/\$/10000/gr =~ s/DOUBLE/20000/gr;
\\set VERBOSITY verbose
SET jit = off; SET enable_seqscan = off; SET enable_sort = off; SET statement_timeout = '60s';
SELECT count(*) FROM ($nearest LIMIT 10) s;
SELECT count(*) FROM ($nearest) s;
SET pgml.iterative_scan = relaxed_order; SET work_mem = '64kB';
SELECT count(*) FROM ($nearest) s;
SET pgml.recall = 1;
SELECT count(*) FROM ($nearest) s;
RESET work_mem;
SELECT count(*) FROM ($nearest) s;
SELECT count(*) FROM (SELECT id FROM $table ORDER BY v $operator NULL::vector) s;
SELECT count(*) FROM $table WHERE v $operator $center < 3;
SET enable_bitmapscan = off;
SELECT count(*) FROM $table WHERE v $operator $center < 'infinity';
RESET enable_bitmapscan;
SELECT rows FROM pgml.index_info('$name');
SELECT pgml.reindex_advice('$name');
INSERT INTO $table $new;
UPDATE $table SET v = v WHERE id % 7 = 0;
DELETE FROM $table WHERE id % 5 > 1;
VACUUM $table;
VACUUM $table;
INSERT INTO $table @{[ $new =~ s/\$/DOUBLE/gr ]};
SELECT count(*) FROM ($nearest) s;
REINDEX INDEX $name;
SELECT 'index', string_agg(d::text, ' ') FROM ($nearest OFFSET 0) s;
SET enable_indexscan = off;
SELECT 'table', string_agg(d::text, ' ') FROM ($nearest OFFSET 0) s;
SQL
}

# The pages of a file by kind, the second number of a kind's name in faiss_page.h; empty ones are of kind 0.
sub kinds
{
	my ($bytes) = @_;
	my %kinds;
	for my $page (0 .. length($bytes) / 8192 - 1)
	{
		my $special = unpack('v', substr($bytes, $page * 8192 + 16, 2));
		my $kind = $special == 0 ? 0 : unpack('v', substr($bytes, $page * 8192 + $special + 12, 2)) & 0xff;
		push @{ $kinds{$kind} }, $page;
	}
	return \%kinds;
}

sub one_of { return $_[ int(rand(@_)) ]; }

# Damages the text in place. @return what was done
sub damage
{
	my ($bytes) = @_;
	my $pages = length($$bytes) / 8192 or return 'nothing is left';
	my $kinds = kinds($$bytes);
	my $kind = one_of(sort keys %$kinds);
	my $page = one_of(@{ $kinds->{$kind} });
	my $special = unpack('v', substr($$bytes, $page * 8192 + 16, 2)) || 8168;
	my $what = one_of('byte', 'byte', 'word', 'word', 'link', 'link', 'other page', 'empty', 'torn', 'cut');
	my $name = "$what, page $page of kind $kind";
	my @words = (0, 1, $page, one_of(@{ $kinds->{$kind} }), int(rand($pages)), $pages, 2**31, 2**32 - 2, 2**32 - 1, int(rand(300)));
	if ($what eq 'byte')
	{
		my $offset = one_of(int(rand(24)), 8191 - int(rand(60)), $special + int(rand(8192 - $special)), 24 + int(rand(200)), int(rand(8192)));
		substr($$bytes, $page * 8192 + $offset, 1) = chr(one_of(0, 255, int(rand(256)), int(rand(256))));
		$name .= " at $offset";
	}
	elsif ($what eq 'word' || $what eq 'link')
	{
		# Words in tails and at the start of the content name pages, lists and counts; the first word of a tail is the next page.
		my $offset = $what eq 'link' ? $special : one_of($special + 4 * int(rand((8192 - $special) / 4)), 24 + 4 * int(rand(40)), 4 * int(rand(2048)));
		my $word = one_of(@words);
		substr($$bytes, $page * 8192 + $offset, 4) = pack('V', $word);
		$name .= " at $offset: $word";
	}
	elsif ($what eq 'other page' || $what eq 'torn')
	{
		my $from = int(rand($pages));
		my $half = $what eq 'torn' ? 4096 : 0;
		substr($$bytes, $page * 8192 + $half, 8192 - $half) = substr($$bytes, $from * 8192 + $half, 8192 - $half);
		$name .= " from $from";
	}
	elsif ($what eq 'empty')
	{
		substr($$bytes, $page * 8192, 8192) = "\0" x 8192;
	}
	else
	{
		$$bytes = substr($$bytes, 0, $page * 8192);
	}
	return $name;
}

my ($answers, $errors, %codes, %damaged) = (0, 0);
my $log_offset = 0;
for my $n (1 .. $damages)
{
	# Copied file by file: nothing of the copy is in a buffer when its file is changed.
	$node->safe_psql('template1', 'DROP DATABASE IF EXISTS damaged WITH (FORCE)');
	$node->safe_psql('template1', 'CREATE DATABASE damaged TEMPLATE postgres STRATEGY file_copy');
	my $index = one_of(@indexes);
	my $path = $node->data_dir . '/base/' . $node->safe_psql('template1', q{SELECT oid FROM pg_database WHERE datname = 'damaged'}) . "/$index->{file}";
	my $bytes = slurp_file($path);
	my $name = "damage $n: $index->{name}: " . join('; ', map { damage(\$bytes) } 1 .. one_of(1, 1, 2));
	open(my $file, '+<:raw', $path) or die "$path: $!";
	print $file $bytes;
	truncate($file, length($bytes));
	close $file;
	my ($status, $out, $err) = $node->psql('damaged', statements($index), on_error_stop => 0);
	my @codes = $err =~ /ERROR:  (\w{5}:(?: index returned tuples in wrong order)?)/g;
	$codes{$_}++ for @codes;
	@codes ? $errors++ : $answers++;
	# The executor looks at bounds, not at what they came from: bytes of a row that changed, which nothing else notices.
	# A format of the future (0A000) and a list with as many rows as can be (54000) say what to do as damage does: REINDEX.
	my @odd = grep { !/^XX00[12]:|^0A000:|^54000:|wrong order/ } @codes;
	my ($from_index) = $out =~ /^index\|(.*)$/m;
	my ($from_table) = $out =~ /^table\|(.*)$/m;
	ok(!@odd && $err !~ /server closed|connection to server/ && defined $from_index && $from_index eq $from_table, $name) or diag("@odd\n$err");
	my $log = slurp_file($node->logfile, $log_offset);
	$log_offset += length($log);
	if ($log =~ /(.*(?:terminated by signal|PANIC|TRAP).*)/)
	{
		fail("$name: $1");
		wait_until_ready($node);
	}
}
note("$errors with errors, $answers with answers only; " . join ', ', map { "$_ $codes{$_}" } sort keys %codes);
cmp_ok($errors, '>', $damages / 4, 'most damage is noticed');
$node->stop;
done_testing();
