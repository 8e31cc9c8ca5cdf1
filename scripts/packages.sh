# shellcheck shell=bash
# What ./check and ./demo share: saying what they do, and installing what is missing. To be sourced by bash.

# One line a step.
say() {
    printf '%s: %s\n' "$(basename "$0")" "$*"
}

fail() {
    say "$*" >&2
    exit 1
}

# Whether what the Debian package is wanted for is here, wherever it came from.
has_package() {
    case $1 in
    cmake | gcc | gdb | gdbserver | python3 | pkg-config | clang-format) command -v "$1" ;;
    ninja-build) command -v ninja ;;
    binutils) command -v readelf ;;
    libc6-dev) echo '#include <stdio.h>' | gcc -E - ;;
    libdw-dev) pkg-config --exists libdw ;;
    libelf-dev) pkg-config --exists libelf ;;
    libjson-c-dev) pkg-config --exists json-c ;;
    libedit-dev) pkg-config --exists libedit ;;
    libzstd-dev) pkg-config --exists libzstd ;;
    liblz4-dev) pkg-config --exists liblz4 ;;
    liblzma-dev) pkg-config --exists liblzma ;;
    zlib1g-dev) pkg-config --exists zlib ;;
    libunicorn-dev) pkg-config --exists unicorn ;;
    libcmocka-dev) pkg-config --exists cmocka ;;
    *) false ;;
    esac >/dev/null 2>&1 || [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

can_be_root() {
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

apt_update() {
    as_root apt-get update -q
}

# Installs with fresh package lists only where the old ones will not do. Output goes to build/install.log.
apt_install_fresh() {
    mkdir -p build
    if compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null && apt_install "$@" >build/install.log 2>&1; then
        return 0
    fi
    { apt_update && apt_install "$@"; } >>build/install.log 2>&1
}

install_missing() {
    local package missing=()
    for package in "$@"; do
        has_package "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then
        say "nothing to install"
        return 0
    fi
    command -v apt-get >/dev/null || fail "missing here: ${missing[*]} (Debian's names); install them and start again"
    can_be_root || fail "missing here: ${missing[*]}; run 'sudo apt-get install ${missing[*]}' and start again"
    say "installing ${missing[*]}"
    apt_install_fresh "${missing[@]}" && return 0
    tail -n 20 build/install.log >&2
    fail "apt-get could not install ${missing[*]}; build/install.log has all that it said"
}

# The separate debug file of a program, or the program itself where it has debug information; else nothing.
debug_file_of() {
    local id
    if readelf -S --wide "$1" 2>/dev/null | grep -q '\.debug_info'; then
        echo "$1"
        return
    fi
    id=$(LC_ALL=C readelf -n "$1" 2>/dev/null | sed -n 's/.*Build ID: *//p')
    if [ -n "$id" ] && [ -e "/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug" ]; then
        echo "/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"
    fi
}

# Installs the debug information of Debian's own Python where apt knows it. Fails with one line if there is none.
install_python_debug() {
    local python package
    python=$(readlink -f /usr/bin/python3) || return 1
    [ -z "$(debug_file_of "$python")" ] || return 0
    package=$(basename "$python")-dbg
    if ! command -v apt-get >/dev/null || ! can_be_root; then
        say "no debug information for $python here; install the package $package"
        return 1
    fi
    say "installing $package, the debug information of $python"
    if ! apt_install_fresh "$package"; then
        say "apt-get could not install $package (build/install.log has all that it said)"
        return 1
    fi
    # An upgrade of the package may have replaced the program with one of another build-id: look again.
    if [ -z "$(debug_file_of "$python")" ]; then
        say "$package is installed, but it is not of the build of $python"
        return 1
    fi
}
