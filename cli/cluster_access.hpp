// Which cluster a command is about, and the way to it.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "session/profile.hpp"

namespace trireme {
class Client;
}

namespace trireme::cli {

/// How people would name the cluster on a command line, with a blank before it; empty for the
/// default one. For sentences that name a command.
std::string choice_words(const ProfileChoice& choice);

/// Connects to the controller. CommandFailed with kExitNoCluster, naming `trireme start`, when
/// there is none or it does not answer within `patience`. Later answers of the hub may take
/// `query_patience`.
std::unique_ptr<Client> connect(
    const ProfileChoice& choice, std::chrono::milliseconds patience = std::chrono::seconds(10),
    std::chrono::milliseconds query_patience = std::chrono::seconds(60));

}  // namespace trireme::cli
