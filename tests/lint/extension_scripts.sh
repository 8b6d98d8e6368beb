# Install and update scripts run as superuser: nothing in them may adopt an object that somebody else planted, and
# no function may depend on its caller's search_path.
grep -E '^sql/extension/.*\.sql$' "$LINT_FILES" | xargs -r perl -0777 -ne '
	my $file = $ARGV;
	my $text = $_;
	# Comments go, newlines stay, so that line numbers hold.
	$text =~ s/--[^\n]*//g;
	while ($text =~ /(CREATE\s+OR\s+REPLACE|IF\s+NOT\s+EXISTS|SECURITY\s+DEFINER)/gi) {
		my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
		print "$file:$line: \U$1\E in an extension script\n";
	}
	while ($text =~ /^CREATE\s+(?:FUNCTION|PROCEDURE)\s+([^\s(]+)(.*?)(?=^(?:CREATE|COMMENT|GRANT|REVOKE|SELECT|ALTER|DROP|INSERT)\b|\z)/gmsi) {
		my ($name, $body, $start) = ($1, $2, $-[0]);
		my $line = 1 + (substr($text, 0, $start) =~ tr/\n//);
		print "$file:$line: function $name has no schema\n" if $name !~ /\./ && $file !~ /_vector\.sql$/ && $name !~ /^vector/;
		next if $body !~ /LANGUAGE\s+\x27?(sql|plpgsql)\b/i || $body =~ /BEGIN\s+ATOMIC/i;
		print "$file:$line: function $name needs SET search_path\n" if $body !~ /SET\s+search_path/i;
	}'
true
