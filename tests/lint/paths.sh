# Nothing names a folder that only exists on the machine it was written on: neither files nor commit messages.
# Absolute paths may begin with what every Debian machine has (and with /path, the usual placeholder).
cat >"$LINT_WORK/paths.pl" <<'PERL'
my $standard = qr/^(bin|boot|dev|etc|home|lib|lib64|media|mnt|opt|path|proc|root|run|sbin|srv|sys|tmp|usr|var)$/;
while (<>) {
	while (m#(?<![\w.*/\$>)}\]~@+\\-])/([a-z][\w.-]*)/[\w.]#g) {
		print "$ARGV:$.: path /$1/...\n" unless $1 =~ $standard;
	}
	print "$ARGV:$.: a folder beside the checkout\n" if m!(?:\.\./)+shared\b!;
	close ARGV if eof;
}
PERL
grep -vE '(^|/)expected/|\.(svg|csv)$' "$LINT_FILES" | grep -vxF tests/lint/paths.sh | xargs -r -d '\n' perl "$LINT_WORK/paths.pl"
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
	git log -n 300 --format='%h %s %b' | perl "$LINT_WORK/paths.pl" - | sed 's/^-/commit messages/'
fi
true
