# What the sequence add-on and its commands share: where the sealed copy is, and the
# variables that point pip and uv at it.

package Debian::Debhelper::Wheelproof;

use strict;
use warnings;

use Exporter qw(import);

use Debian::Debhelper::Dh_Lib qw(error);

our @EXPORT_OK = qw(POLICY SEALED PLACE policy variables read_variables);

use constant {
	POLICY => 'debian/wheelproof.toml',
	PLACE  => 'debian/.debhelper/wheelproof',
	SEALED => 'debian/.debhelper/wheelproof/sealed',
};

# Returns the policy's name, or ends the build: without one nobody is trusted.
sub policy {
	return POLICY if -f POLICY;
	error(POLICY
		. ' is missing, so nothing says whose signature on the wheels counts;'
		. ' write it (wheelproof init --help), or take dh-sequence-wheelproof out of the build');
}

# Returns the variables that point pip and uv at the sealed copy, whether it is
# there yet or not.
sub variables {
	my @command = ('wheelproof', 'seal', '.', SEALED, '--policy', policy(), '--environment');
	open(my $out, '-|', @command)
		or error("wheelproof cannot be started ($!); install the package wheelproof");
	my $variables = read_variables($out);
	# Its reason stands above. An error here would come back from dh as three lines about
	# an add-on that cannot be loaded.
	close($out) or exit(1);
	error('wheelproof named no variables; its version does not fit this add-on')
		unless exists $variables->{PIP_FIND_LINKS};
	return $variables;
}

# Reads NAME=VALUE lines.
sub read_variables {
	my ($file) = @_;
	my %variables;
	while (my $line = <$file>) {
		chomp $line;
		my ($name, $value) = split(/=/, $line, 2);
		$variables{$name} = $value;
	}
	return \%variables;
}

1;
