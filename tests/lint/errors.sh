# Errors as PostgreSQL's style guide has them: every raised error has an errcode; the primary message starts in lower
# case and has no full stop. (elog is for what cannot happen, and is not looked at.)
grep -E '^(am|index)/.*\.(cpp|h)$' "$LINT_FILES" | xargs -r perl -0777 -ne '
	my $file = $ARGV;
	my $text = $_;
	$text =~ s{//[^\n]*|/\*.*?\*/}{ $& =~ s/[^\n]//gr }gse;
	while ($text =~ /\bereport\s*(\((?:[^()"\x27]|"(?:[^"\\]|\\.)*"|\x27(?:[^\x27\\]|\\.)*\x27|(?1))*\))/g) {
		my ($call, $start) = ($1, $-[0]);
		my $line = 1 + (substr($text, 0, $start) =~ tr/\n//);
		print "$file:$line: ereport without errcode\n" if $call =~ /^\(\s*(ERROR|FATAL|PANIC|elevel)/ && $call !~ /errcode/;
		while ($call =~ /errmsg(?:_internal|_plural)?\s*\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)/g) {
			my $message = $1;
			$message =~ s/"\s*"//g;
			print "$file:$line: message ends with a full stop\n" if $message =~ /\.\s*"\s*$/ && $message !~ /\.\.\.\s*"\s*$/;
			print "$file:$line: message starts with a capital: $message\n" if $message =~ /^"[A-Z][a-z]+ /;
			print "$file:$line: message says \"failed to\"; say \"could not\"\n" if $message =~ /failed to/i;
		}
	}'
true
