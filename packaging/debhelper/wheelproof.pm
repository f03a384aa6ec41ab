# debhelper sequence add-on: `dh $@ --with wheelproof`, or
# `Build-Depends: dh-sequence-wheelproof`.
#
# Before anything is built, dh_wheelproof verifies the wheelhouse and makes a sealed
# copy of it. Every command that dh starts is pointed at that copy from the beginning:
# while it is not there, pip and uv find nothing, and the build fails.

use strict;
use warnings;

use Debian::Debhelper::Wheelproof qw(variables);

my $variables = variables();

# What could point pip, uv or Python elsewhere. What makes builds alike stays.
my $points_elsewhere = qr/^(?:PIP_|UV_|WHEELPROOF_|PYTHON(?!HASHSEED$|DONTWRITEBYTECODE$|UTF8$))/;
for my $name (grep { $_ =~ $points_elsewhere } keys %ENV) {
	delete $ENV{$name};
}
for my $name (keys %{$variables}) {
	$ENV{$name} = $variables->{$name};
}

# An `export PIP_FIND_LINKS = …` in debian/rules would win over the environment. What is
# given to make on its command line wins over that; MAKEFLAGS carries it there, past
# any depth of debian/rules, dh and make.
my @definitions = map {
	my $value = $variables->{$_};
	$value =~ s/([\\'"#;&|<>()])/\\$1/g;
	$value =~ s/\$/\$\$/g;
	"$_=$value";
} sort keys %{$variables};
my $flags = $ENV{MAKEFLAGS} // '';
# Another debian/rules above this one has had its say already.
$flags =~ s/ (?:PIP|UV|WHEELPROOF)_[A-Z_]+=(?:\\.|[^\\ ])*//g;
# The first word would be read as flags: hence the space.
$flags .= ' --' unless $flags =~ / -- | --$/;
$ENV{MAKEFLAGS} = join(' ', $flags, @definitions);

insert_before('dh_update_autotools_config', 'dh_wheelproof');
insert_before('dh_clean', 'dh_wheelproof_clean');

1;
