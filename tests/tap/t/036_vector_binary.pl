# The binary form of a vector, from anyone: what is one is taken bit for bit, what is none is refused, whatever its bytes.
# PGML_INPUTS=n tries that many, PGML_INPUT_SEED chooses them.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $inputs = $ENV{PGML_INPUTS} // 1000;
my $seed = $ENV{PGML_INPUT_SEED} // int(rand(1_000_000));
srand($seed);
note("PGML_INPUT_SEED=$seed");
my $node = new_node('binary');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pgml_am; CREATE TABLE vectors (n int, v vector)');
my $dir = $node->basedir . '/inputs';
mkdir $dir or die;

# Numbers whose bits are at the limits of float32, and others.
my @numbers = (0, 0x80000000, 1, 0x007fffff, 0x3f800000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001);

sub is_vector
{
	my ($bytes) = @_;
	return 0 if length($bytes) < 8;
	my ($n, $unused, @bits) = unpack('n n N*', $bytes);
	return $n >= 1 && $n <= 16000 && $unused == 0 && length($bytes) == 4 + 4 * $n && !grep { ($_ & 0x7f800000) == 0x7f800000 } @bits;
}

my ($script, %bytes) = ("\\set VERBOSITY verbose\n");
for my $n (1 .. $inputs)
{
	my $dims = rand() < 0.02 ? 15_990 + int(rand(20)) : int(rand(9));
	my $bytes = pack('n n N*', $dims, 0, map { rand() < 0.03 ? $numbers[ int(rand(@numbers)) ] : int(rand(0x7f800000)) } 1 .. $dims);
	for (1 .. int(rand(3)))
	{
		my $how = int(rand(5));
		substr($bytes, int(rand(length($bytes))), 1) = chr(int(rand(256))) if $how == 0 && length($bytes);
		substr($bytes, int(rand(4)), 1) = chr(int(rand(256))) if $how == 1 && length($bytes) >= 4;
		$bytes = substr($bytes, 0, int(rand(length($bytes) + 1))) if $how == 2;
		$bytes .= chr(int(rand(256))) x (1 + int(rand(8))) if $how == 3;
	}
	$bytes{$n} = $bytes;
	open(my $file, '>:raw', "$dir/$n") or die;
	print $file "PGCOPY\n\377\r\n\0", pack('N N n N N N', 0, 0, 2, 4, $n, length($bytes)), $bytes, pack('n', 0xffff);
	close $file;
	$script .= "COPY vectors FROM '$dir/$n' (FORMAT binary);\n";
}
my ($status, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0);
my %codes;
$codes{$_}++ for $err =~ /ERROR:  (\w{5}):/g;
is(join(' ', grep { !/^(?:22000|22P03|08P01|54000)$/ } sort keys %codes), '', 'what is refused is refused as a wrong value');
my %taken = map { split /\|/, $_ } split /\n/, $node->safe_psql('postgres', q{SELECT n, encode(vector_send(v), 'hex') FROM vectors});
my (@wrong, $good);
for my $n (1 .. $inputs)
{
	my $expected = is_vector($bytes{$n}) ? unpack('H*', $bytes{$n}) : undef;
	$good++ if defined $expected;
	push @wrong, $n if defined($expected) != defined($taken{$n}) || (defined($expected) && $expected ne $taken{$n});
}
is(scalar(@wrong), 0, 'vectors are taken bit for bit, and nothing else is') or diag("@wrong[0 .. 9]");
cmp_ok($good, '>', $inputs / 10, "$good of $inputs were vectors; refused: " . join ', ', map { "$_ $codes{$_}" } sort keys %codes);
cmp_ok($inputs - $good, '>', $inputs / 10, 'the others were none');
# The text of what was taken reads back as the same bits.
is($node->safe_psql('postgres', q{SELECT count(*) FROM vectors WHERE vector_send(v::text::vector) <> vector_send(v) OR vector_send(v::real[]::vector) <> vector_send(v)}),
	'0', 'text and real[] lead back to the same bits');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP|XX000/, 'the server had no trouble');
$node->stop;
done_testing();
