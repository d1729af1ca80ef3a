// SPDX-License-Identifier: Apache-2.0
#include "control/rest/tls_server.h"

#include <netdb.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>

#include "control/state/management_chains.h"

namespace slipway::control {
namespace {

struct Free {
  void operator()(X509* object) const { X509_free(object); }
  void operator()(GENERAL_NAMES* object) const { GENERAL_NAMES_free(object); }
  void operator()(STACK_OF(X509) * object) const { sk_X509_free(object); }
};
template <class T>
using Handle = std::unique_ptr<T, Free>;

// With its issuers, and beside what there is of other kinds of key.
bool Use(SSL& ssl, const ShownChain& chain) {
  const auto& all = chain.certificates;
  const Handle<STACK_OF(X509)> issuers(sk_X509_new_null());
  if (all.empty() || !chain.key || !issuers) return false;
  for (std::size_t i = 1; i < all.size(); ++i) sk_X509_push(issuers.get(), all[i].get());
  return SSL_use_cert_and_key(&ssl, all.front().get(), chain.key.get(), issuers.get(), 1) == 1;
}

// What the client wants to reach: as it says (RFC 6066 3), else the address that it came to.
std::string HostOf(const SSL* ssl) {
  if (const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) return name;
  sockaddr own{};  // IPv4's, the only ones listened on, have this size
  socklen_t size = sizeof own;
  std::array<char, NI_MAXHOST> text{};
  if (::getsockname(SSL_get_fd(ssl), &own, &size) != 0 || own.sa_family != AF_INET ||
      ::getnameinfo(&own, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
    return "";
  }
  return text.data();
}

thread_local bool is_head = true;
thread_local std::size_t head_bytes = 0;

// Sees each record's header as it is read. Handshakes OpenSSL bounds itself.
// NOLINTNEXTLINE(readability-function-size): OpenSSL says which arguments
void CountRecord(int is_sent, int, int type, const void* bytes, std::size_t size, SSL* ssl, void*) {
  if (is_sent != 0 || type != SSL3_RT_HEADER || size < SSL3_RT_HEADER_LENGTH) return;
  if (!is_head || SSL_is_init_finished(ssl) == 0) return;
  const auto* header = static_cast<const unsigned char*>(bytes);
  head_bytes += static_cast<std::size_t>(header[3]) << 8 | header[4];
  // Nothing more is read, as if the client had said so; the socket's own end would let more in.
  if (head_bytes > kHeadMax) SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
}

// OpenSSL asks at each handshake; a rotation needs nothing else.
int ChooseCertificate(SSL* ssl, void* core) {
  AwaitHead();
  const auto chains = static_cast<Core*>(core)->certificates().shown_chains();
  for (const ShownChain* each : ChainsFor(*chains, HostOf(ssl), std::time(nullptr))) {
    if (!Use(*ssl, *each)) return 0;
  }
  return 1;
}

bool CanUse(SSL_CTX& context, const ShownChain& chain) {
  const std::unique_ptr<SSL, void (*)(SSL*)> trial(SSL_new(&context), SSL_free);
  return trial && Use(*trial, chain);
}

bool AskClients(SSL_CTX& context, const std::filesystem::path& authorities) {
  if (SSL_CTX_load_verify_locations(&context, authorities.c_str(), nullptr) != 1) return false;
  SSL_CTX_set_client_CA_list(&context, SSL_load_client_CA_file(authorities.c_str()));
  // Whoever shows none may still come with a token.
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, nullptr);
  return true;
}

std::string Name(const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) return "";
  std::string name(utf8, utf8 + size);
  OPENSSL_free(utf8);
  // A zero inside would make one name look like another to whoever prints it.
  return name.find('\0') == std::string::npos ? name : "";
}

}  // namespace

void AwaitHead() {
  is_head = true;
  head_bytes = 0;
}

void EndHead() { is_head = false; }

bool PrepareTls(SSL_CTX& context, Core& core) {
  SSL_CTX_set_msg_callback(&context, CountRecord);
  SSL_CTX_set_cert_cb(&context, ChooseCertificate, &core);
  SSL_CTX_set_options(&context, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  constexpr unsigned char kSessions[] = "slipway";
  SSL_CTX_set_session_id_context(&context, kSessions, sizeof kSessions - 1);
  const auto chains = core.certificates().shown_chains();
  const auto& authorities = core.config().management_client_ca;
  return SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION) == 1 &&
         CanUse(context, chains->own) &&
         std::ranges::all_of(chains->brought,
                             [&](const auto& each) { return CanUse(context, each); }) &&
         (!authorities || AskClients(context, *authorities));
}

std::vector<std::string> ClientNames(const SSL* ssl) {
  std::vector<std::string> names;
  if (ssl == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return names;
  const Handle<X509> certificate(SSL_get1_peer_certificate(ssl));
  if (!certificate) return names;
  // Zero is an error: a time that is none.
  if (X509_cmp_time(X509_get0_notAfter(certificate.get()), nullptr) <= 0) return names;
  const auto add = [&names](std::string name) {
    if (!name.empty()) names.push_back(std::move(name));
  };
  const X509_NAME* subject = X509_get_subject_name(certificate.get());
  const int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (place >= 0) add(Name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place))));
  const Handle<GENERAL_NAMES> list(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list.get(), i);
    if (name->type == GEN_DNS || name->type == GEN_EMAIL || name->type == GEN_URI) {
      add(Name(name->d.ia5));
    }
  }
  return names;
}

}  // namespace slipway::control
