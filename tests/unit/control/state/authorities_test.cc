// SPDX-License-Identifier: Apache-2.0
//
// A rotation of the CA: whom clients believe in each of its states, and what is left of it on disk
// by a process that was killed at any step.
#include "control/state/authorities.h"

#include <gmock/gmock.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "control/text.h"
#include "control/whole_file.h"
#include "tls/pem.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using tls::KeyType;

// With its certificate changed, and signed anew.
template <class Change>
tls::Authority Changed(const tls::Authority& authority, Change change) {
  const auto all = tls::ReadCertificates(authority.certificate_pem);
  const auto key = tls::ReadPrivateKey(authority.private_key_pem);
  X509* const root = all.front().get();
  change(root);
  EXPECT_GT(X509_sign(root, key.get(), EVP_sha256()), 0);
  return {tls::ToPem(root), authority.private_key_pem};
}

void Extend(X509* certificate, int nid, const char* value) {
  X509_EXTENSION* const added = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
  EXPECT_EQ(X509_add_ext(certificate, added, -1), 1);
  X509_EXTENSION_free(added);
}

// As releases made it that knew no successors: nothing may stand between it and a server.
tls::Authority WithoutPath(const tls::Authority& authority) {
  return Changed(authority, [](X509* root) {
    const int at = X509_get_ext_by_NID(root, NID_basic_constraints, -1);
    X509_EXTENSION_free(X509_delete_ext(root, at));
    Extend(root, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  });
}

Authorities Steady(tls::Authority authority) {
  return {.issuing = std::move(authority), .other = {}, .cross_pem = {}};
}

// Whether a client that trusts these takes the chain, as OpenSSL sees it.
bool Trusts(const std::string& trusted_pem, const std::string& chain_pem) {
  const auto trusted = tls::ReadCertificates(trusted_pem);
  const auto chain = tls::ReadCertificates(chain_pem);
  const std::unique_ptr<X509_STORE, void (*)(X509_STORE*)> store(X509_STORE_new(), X509_STORE_free);
  for (const auto& each : trusted) X509_STORE_add_cert(store.get(), each.get());
  STACK_OF(X509)* const between = sk_X509_new_null();
  for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(between, chain[i].get());
  X509_STORE_CTX* const check = X509_STORE_CTX_new();
  X509_STORE_CTX_init(check, store.get(), chain.front().get(), between);
  X509_STORE_CTX_set_purpose(check, X509_PURPOSE_SSL_SERVER);
  const bool good = X509_verify_cert(check) == 1;
  X509_STORE_CTX_free(check);
  sk_X509_free(between);
  ERR_clear_error();
  return good;
}

// Whether iPXE takes it that trusts these (x509_validate_chain() of its src/crypto/x509.c, as read
// there): it goes on from the last that was shown, by names alone, to what it was shown or trusts,
// the newest first; the first of them that it trusts must lead back to the server's.
bool IpxeTrusts(const std::string& trusted_pem, const std::string& chain_pem) {
  const auto trusted = tls::ReadCertificates(trusted_pem);
  const auto shown = tls::ReadCertificates(chain_pem);
  std::vector<X509*> store;
  std::vector<X509*> chain;
  for (const auto& each : trusted) store.insert(store.begin(), each.get());
  for (const auto& each : shown) {
    store.insert(store.begin(), each.get());
    chain.push_back(each.get());
  }
  while (true) {
    const X509_NAME* const wanted = X509_get_issuer_name(chain.back());
    const auto found = std::ranges::find_if(store, [wanted](const X509* each) {
      return X509_NAME_cmp(X509_get_subject_name(each), wanted) == 0;
    });
    if (found == store.end() || *found == chain.back()) break;
    chain.push_back(*found);
    std::rotate(store.begin(), found, found + 1);
  }
  const auto first = std::ranges::find_if(chain, [&trusted](const X509* each) {
    return std::ranges::any_of(trusted, [each](const auto& known) { return known.get() == each; });
  });
  if (first == chain.end()) return false;
  const auto path_of = [](X509* each) {
    const long path = X509_get_pathlen(each);
    return path < 0 ? 99L : path + 1;
  };
  long left = path_of(*first);
  for (auto issuer = first; issuer != chain.begin(); --issuer) {
    X509* const each = *(issuer - 1);
    const bool signed_it =
        X509_NAME_cmp(X509_get_issuer_name(each), X509_get_subject_name(*issuer)) == 0 &&
        X509_verify(each, X509_get0_pubkey(*issuer)) == 1;
    ERR_clear_error();
    if (!signed_it || left == 0) return false;
    left = std::min(path_of(each), left - 1);
  }
  return true;
}

std::string ChainOf(const Authorities& now, KeyType type) {
  const auto issued = tls::IssueServerCertificate(
      now.issuing, {.key_type = type, .dns_names = {"boot.test"}, .ip_addresses = {}});
  return std::get<tls::Certificate>(issued).chain_pem + ChainTail(now, std::time(nullptr));
}

Authorities Next(CaStep step, const Authorities& now) {
  auto next = After(step, now);
  EXPECT_TRUE(next.ok()) << next.status();
  return next.ok() ? *std::move(next) : now;
}

struct Belief {
  bool old_alone;
  bool new_alone;
};

struct WholeRotation {
  Authorities begin;
  Authorities prepared;
  Authorities active;
  Authorities back;
  Authorities retired;
};

WholeRotation RotationOf(const Authorities& begin) {
  WholeRotation all{.begin = begin, .prepared = {}, .active = {}, .back = {}, .retired = {}};
  all.prepared = Next(CaStep::kRotate, begin);
  all.active = Next(CaStep::kActivate, all.prepared);
  all.back = Next(CaStep::kDeactivate, all.active);
  all.retired = Next(CaStep::kRetire, Next(CaStep::kActivate, all.back));
  return all;
}

// Of a whole rotation; gives how it ends.
Authorities ExpectWholeRotation(const Authorities& begin, const std::string& which) {
  const WholeRotation all = RotationOf(begin);
  const std::string old_pem = begin.issuing.certificate_pem;
  const std::string new_pem = all.prepared.other.certificate_pem;
  const std::pair<const Authorities*, Belief> states[] = {{&all.begin, {true, false}},
                                                          {&all.prepared, {true, false}},
                                                          {&all.active, {true, true}},
                                                          {&all.back, {true, false}},
                                                          {&all.retired, {false, true}}};
  for (const auto& [state, belief] : states) {
    for (const KeyType type : {KeyType::kRsa2048, KeyType::kEcdsaP256}) {
      const std::string where =
          Text(which, ' ', NameOf(state->phase), ", RSA: ", type == KeyType::kRsa2048);
      const std::string chain = ChainOf(*state, type);
      EXPECT_EQ(Trusts(old_pem, chain), belief.old_alone) << where;
      EXPECT_EQ(Trusts(new_pem, chain), belief.new_alone) << where;
      EXPECT_TRUE(Trusts(old_pem + new_pem, chain)) << where;
      EXPECT_TRUE(Trusts(new_pem + old_pem, chain)) << where;
      EXPECT_TRUE(Trusts(BundleOf(*state), chain)) << where;
    }
    const auto bundle = tls::ReadCertificates(BundleOf(*state));
    const auto key = tls::ReadPrivateKey(state->issuing.private_key_pem);
    EXPECT_EQ(bundle.size(), state->phase == CaPhase::kSteady ? 1U : 2U);
    EXPECT_EQ(X509_check_private_key(bundle.front().get(), key.get()), 1) << "who signs is first";
    EXPECT_EQ(tls::FirmwareEnrolment(BundleOf(*state)).size(),
              tls::FirmwareEnrolment(old_pem).size() * (state == &all.retired ? 0U : 1U) +
                  tls::FirmwareEnrolment(new_pem).size() * (state == &all.begin ? 0U : 1U))
        << "firmware enrols as many";
    EXPECT_EQ(NewestOf(*state), state == &all.begin ? old_pem : new_pem);
  }
  return all.retired;
}

TEST(AuthoritiesTest, InEachStateClientsBelieveWhomTheyShould) {
  for (const KeyType type : {KeyType::kEcdsaP256, KeyType::kRsa2048}) {
    const tls::Authority fresh = tls::MakeAuthority({.key_type = type});
    const std::string name = Text("RSA CA: ", type == KeyType::kRsa2048);
    const Authorities second =
        ExpectWholeRotation(Steady(WithoutPath(fresh)), name + " of a release before");
    ExpectWholeRotation(second, name + " for the second time");
  }
}

// The one of a release before has a successor of its name, and that one another: of the three, iPXE
// takes the last two.
TEST(AuthoritiesTest, IpxeTakesTheOldCaOrBothWhereTheNextHasANameOfItsOwn) {
  const auto first =
      RotationOf(Steady(WithoutPath(tls::MakeAuthority({.key_type = KeyType::kEcdsaP256}))));
  const auto second = RotationOf(first.retired);
  const auto third = RotationOf(second.retired);
  for (const KeyType type : {KeyType::kRsa2048, KeyType::kEcdsaP256}) {
    for (const WholeRotation* all : {&second, &third}) {
      const std::string old_pem = all->begin.issuing.certificate_pem;
      const std::string new_pem = all->retired.issuing.certificate_pem;
      for (const Authorities* state : {&all->begin, &all->prepared, &all->active, &all->back}) {
        const std::string chain = ChainOf(*state, type);
        EXPECT_TRUE(IpxeTrusts(old_pem, chain)) << NameOf(state->phase);
        EXPECT_TRUE(IpxeTrusts(old_pem + new_pem, chain)) << NameOf(state->phase);
        EXPECT_TRUE(IpxeTrusts(new_pem + old_pem, chain)) << NameOf(state->phase);
        EXPECT_FALSE(IpxeTrusts(new_pem, chain)) << NameOf(state->phase);
      }
      const std::string chain = ChainOf(all->retired, type);
      EXPECT_FALSE(IpxeTrusts(old_pem, chain));
      EXPECT_TRUE(IpxeTrusts(old_pem + new_pem, chain));
      EXPECT_TRUE(IpxeTrusts(new_pem + old_pem, chain));
      EXPECT_TRUE(IpxeTrusts(new_pem, chain));
    }
    // Of one name: with the second certificate of the chain it takes none.
    const std::string old_pem = first.begin.issuing.certificate_pem;
    const std::string new_pem = first.retired.issuing.certificate_pem;
    EXPECT_TRUE(IpxeTrusts(old_pem, ChainOf(first.prepared, type)));
    for (const std::string& trusted : {old_pem, new_pem, old_pem + new_pem, new_pem + old_pem}) {
      EXPECT_FALSE(IpxeTrusts(trusted, ChainOf(first.active, type)));
    }
    EXPECT_TRUE(IpxeTrusts(new_pem, ChainOf(first.retired, type)));
  }
}

TEST(AuthoritiesTest, ASuccessorHasTheTypeOfKeyAndANameOfItsOwn) {
  const auto old =
      tls::MakeAuthority({.common_name = "Site CA", .key_type = KeyType::kEcdsaP256, .days = 40});
  const auto prepared = Next(CaStep::kRotate, Steady(old));
  const auto states = StatesOf(prepared);
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[0].name, "ca");
  EXPECT_EQ(states[1].name, "ca-next");
  EXPECT_EQ(states[0].subject, "CN=Site CA");
  EXPECT_THAT(states[1].subject, MatchesRegex("CN=Site CA [0-9]{4}-[0-9a-f]{8}"));
  EXPECT_EQ(states[1].issuer, states[1].subject);
  EXPECT_EQ(states[0].key, states[1].key);
  EXPECT_NE(states[0].fingerprint, states[1].fingerprint);
  EXPECT_GT(states[1].not_after, states[0].not_after + 3000LL * 86400);
  EXPECT_EQ(StatesOf(Next(CaStep::kActivate, prepared))[1].name, "ca-previous");
  // Nor has one that was withdrawn the name of the next, which machines may know beside it.
  const auto again = Next(CaStep::kRotate, Next(CaStep::kWithdraw, prepared));
  EXPECT_NE(StatesOf(again)[1].subject, states[1].subject);
  // A mark takes the place of a mark.
  const auto third = Next(CaStep::kRotate, RotationOf(Steady(old)).retired);
  EXPECT_THAT(StatesOf(third)[1].subject, MatchesRegex("CN=Site CA [0-9]{4}-[0-9a-f]{8}"));
  EXPECT_NE(StatesOf(third)[1].subject, StatesOf(third)[0].subject);
}

TEST(AuthoritiesTest, ANameThatIsLongOrHasMorePartsIsKeptAsFarAsThereIsRoom) {
  const auto next_subject = [](const tls::Authority& authority) {
    return StatesOf(Next(CaStep::kRotate, Steady(authority)))[1].subject;
  };
  const std::string full(64, 'a');
  const auto made = tls::MakeAuthority({.common_name = full, .key_type = KeyType::kEcdsaP256});
  EXPECT_THAT(next_subject(made), MatchesRegex("CN=a{50} [0-9]{4}-[0-9a-f]{8}"));
  std::string wide = "x";
  for (int i = 0; i < 31; ++i) wide += "\xc3\xa4";  // the room ends within one of these
  const auto umlauts = tls::MakeAuthority({.common_name = wide, .key_type = KeyType::kEcdsaP256});
  EXPECT_THAT(next_subject(umlauts), MatchesRegex(R"(CN=x(\\C3\\A4){24} [0-9]{4}-[0-9a-f]{8})"));
  const auto site = Changed(made, [](X509* root) {
    X509_NAME* const name = X509_get_subject_name(root);
    X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, 0));
    const auto add = [name](int nid, const char* text) {
      const auto* bytes = reinterpret_cast<const unsigned char*>(text);
      EXPECT_EQ(X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, bytes, -1, -1, 0), 1);
    };
    add(NID_organizationName, "Site");
    add(NID_commonName, "CA");
    add(NID_serialNumber, "7");
    EXPECT_EQ(X509_set_issuer_name(root, name), 1);
  });
  EXPECT_THAT(next_subject(site), MatchesRegex("serialNumber=7,CN=CA [0-9]{4}-[0-9a-f]{8},O=Site"));
}

// Beside a successor of another name, clients that know it alone would refuse.
TEST(AuthoritiesTest, ASuccessorHasTheOldNameWhereTheOldCaAllowsNoOther) {
  const auto fresh = tls::MakeAuthority({.key_type = KeyType::kEcdsaP256});
  const auto constrained = Changed(fresh, [](X509* root) {
    Extend(root, NID_name_constraints, "critical,permitted;DNS:boot.test");
  });
  for (const tls::Authority& old : {WithoutPath(fresh), constrained}) {
    const auto states = StatesOf(Next(CaStep::kRotate, Steady(old)));
    EXPECT_EQ(states[1].subject, states[0].subject);
  }
}

TEST(AuthoritiesTest, TheCrossCertificateEndsWithTheOldCaAndIsNotShownAfterThat) {
  const auto old = tls::MakeAuthority({.key_type = KeyType::kEcdsaP256, .days = 40});
  const auto active = Next(CaStep::kActivate, Next(CaStep::kRotate, Steady(old)));
  const std::int64_t end = StatesOf(active)[1].not_after;
  EXPECT_EQ(StateOf({"", active.cross_pem, ""}, false).not_after, end);
  EXPECT_EQ(ChainTail(active, end - 1), active.cross_pem);
  EXPECT_EQ(ChainTail(active, end), "");
}

TEST(AuthoritiesTest, ItIsWarnedOfEarlyEnoughToWalkToEveryMachine) {
  const auto steady = Steady(tls::MakeAuthority({.key_type = KeyType::kEcdsaP256, .days = 80}));
  EXPECT_GT(WarnDays(StatesOf(steady)[0]), DaysLeft(StatesOf(steady)[0], std::time(nullptr)));
  EXPECT_THAT(EndRemedy(StatesOf(steady)[0], CaPhase::kSteady), HasSubstr("'slipway ca rotate'"));
  const auto prepared = Next(CaStep::kRotate, steady);
  EXPECT_THAT(EndRemedy(StatesOf(prepared)[0], CaPhase::kPrepared),
              HasSubstr("'slipway ca activate'"));
  const auto active = Next(CaStep::kActivate, prepared);
  EXPECT_THAT(EndRemedy(StatesOf(active)[1], CaPhase::kActive), HasSubstr("'slipway ca retire'"));
  CertificateState brought{.name = "/etc/slipway/own.pem"};
  EXPECT_EQ(WarnDays(brought), kRenewDays);
  EXPECT_THAT(EndRemedy(brought, CaPhase::kSteady), HasSubstr("'slipway cert rotate'"));
}

TEST(AuthoritiesTest, StepsOutOfTurnAreRefusedWithTheOneThatIsNext) {
  const auto steady = Steady(WithoutPath(tls::MakeAuthority({.key_type = KeyType::kEcdsaP256})));
  const auto prepared = Next(CaStep::kRotate, steady);
  const auto active = Next(CaStep::kActivate, prepared);
  const auto refusal = [](CaStep step, const Authorities& now) {
    const auto after = After(step, now);
    EXPECT_EQ(after.status().code(), absl::StatusCode::kFailedPrecondition);
    return std::string(after.status().message());
  };
  EXPECT_THAT(refusal(CaStep::kActivate, steady), HasSubstr("'slipway ca rotate'"));
  EXPECT_THAT(refusal(CaStep::kDeactivate, steady), HasSubstr("no rotation"));
  EXPECT_THAT(refusal(CaStep::kRetire, steady), HasSubstr("no rotation"));
  EXPECT_THAT(refusal(CaStep::kRetire, prepared), HasSubstr("'slipway ca activate'"));
  EXPECT_THAT(refusal(CaStep::kRotate, active), HasSubstr("'slipway ca retire'"));
  EXPECT_THAT(refusal(CaStep::kWithdraw, active), HasSubstr("'slipway ca deactivate'"));
  // Sent twice, each is where it leads.
  EXPECT_EQ(Next(CaStep::kRotate, prepared).other.certificate_pem, prepared.other.certificate_pem);
  EXPECT_EQ(Next(CaStep::kDeactivate, prepared).phase, CaPhase::kPrepared);
  EXPECT_EQ(Next(CaStep::kActivate, active).issuing.certificate_pem,
            active.issuing.certificate_pem);
  EXPECT_EQ(Next(CaStep::kWithdraw, steady).issuing.certificate_pem,
            steady.issuing.certificate_pem);
  EXPECT_THAT(NextStep(steady), HasSubstr("'slipway ca rotate'"));
  EXPECT_THAT(NextStep(prepared), HasSubstr("GnuTLS or Go refuse"));
  EXPECT_THAT(NextStep(active), HasSubstr("'slipway ca retire'"));
  const auto second = Next(CaStep::kRotate, Next(CaStep::kRetire, active));
  EXPECT_THAT(NextStep(second), HasSubstr("this one alone still verify"));
  // Of iPXE: by whether the two have one name.
  EXPECT_THAT(NextStep(prepared), HasSubstr("iPXE over HTTPS takes neither"));
  EXPECT_THAT(NextStep(second), HasSubstr("where it knows both, or this one alone"));
  EXPECT_THAT(NextStep(active), HasSubstr("iPXE over HTTPS refuses"));
  EXPECT_THAT(NextStep(Next(CaStep::kActivate, second)), HasSubstr("knows this CA alone refuses"));
}

TEST(AuthoritiesTest, ANextCaThatIsWithdrawnLeavesTheOldOneAsItWas) {
  const auto steady = Steady(tls::MakeAuthority({.key_type = KeyType::kEcdsaP256}));
  const auto prepared = Next(CaStep::kRotate, steady);
  EXPECT_THAT(NextStep(prepared), HasSubstr("'slipway ca withdraw'"));
  // Also by the way back from an activation.
  const auto back = Next(CaStep::kDeactivate, Next(CaStep::kActivate, prepared));
  for (const Authorities* from : {&prepared, &back}) {
    const auto withdrawn = Next(CaStep::kWithdraw, *from);
    EXPECT_EQ(withdrawn.phase, CaPhase::kSteady);
    EXPECT_EQ(withdrawn.issuing.certificate_pem, steady.issuing.certificate_pem);
    EXPECT_EQ(withdrawn.issuing.private_key_pem, steady.issuing.private_key_pem);
    EXPECT_EQ(BundleOf(withdrawn), BundleOf(steady));
    EXPECT_EQ(withdrawn.cross_pem, "");
    EXPECT_EQ(ChainTail(withdrawn, std::time(nullptr)), "");
    const std::string chain = ChainOf(withdrawn, KeyType::kEcdsaP256);
    EXPECT_TRUE(Trusts(steady.issuing.certificate_pem, chain));
    EXPECT_TRUE(Trusts(BundleOf(prepared), chain)) << "one that it needs no more does no harm";
    EXPECT_FALSE(Trusts(prepared.other.certificate_pem, chain));
    EXPECT_THAT(NextStepAfter(CaStep::kWithdraw, withdrawn),
                AllOf(HasSubstr("goes on believing it"), HasSubstr(NextStep(withdrawn))));
  }
  EXPECT_EQ(NextStepAfter(CaStep::kRotate, prepared), NextStep(prepared));
}

class StoredAuthoritiesTest : public testing::Test {
 protected:
  StoredAuthoritiesTest() {
    std::string pattern = testing::TempDir() + "slipway_authorities_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~StoredAuthoritiesTest() override { fs::remove_all(folder_); }

  static bool Same(const Authorities& one, const Authorities& other) {
    return one.phase == other.phase && one.cross_pem == other.cross_pem &&
           one.issuing.certificate_pem == other.issuing.certificate_pem &&
           one.issuing.private_key_pem == other.issuing.private_key_pem &&
           one.other.certificate_pem == other.other.certificate_pem &&
           one.other.private_key_pem == other.other.private_key_pem;
  }
  // A new one, as a process that ends after `steps` of the way leaves it; in the midst of the next.
  fs::path Killed(const Authorities& from, const Authorities& to, std::size_t steps) {
    const fs::path state = folder_ / Text("state-", count_++);
    fs::create_directories(state);
    EXPECT_TRUE(StoreAuthorities(state, from).ok());
    const auto way = StepsTo(to);
    for (std::size_t i = 0; i < steps; ++i) EXPECT_TRUE(Apply(way[i], state).ok());
    if (steps < way.size()) {
      const std::string& text = way[steps].text;
      std::ofstream(state / (way[steps].name + ".new")) << text.substr(0, text.size() / 2);
    }
    return state;
  }
  static std::string Content(const fs::path& file) { return ReadFile(file).value_or(""); }
  static void ExpectWhole(const fs::path& state, const Authorities& now) {
    EXPECT_EQ(Content(state / "ca.pem"), BundleOf(now));
    EXPECT_EQ(Content(state / "ca.key"), now.issuing.private_key_pem);
    EXPECT_EQ(fs::exists(state / "ca.rotation"), now.phase != CaPhase::kSteady);
    for (const auto& file : fs::directory_iterator(state)) {
      EXPECT_NE(file.path().extension(), ".new") << file.path();
      const bool open = file.path().filename() == "ca.pem";
      EXPECT_EQ(file.status().permissions() & fs::perms::all, fs::perms(open ? 0644 : 0600));
    }
  }

  fs::path folder_;
  int count_ = 0;
};

TEST_F(StoredAuthoritiesTest, AProcessKilledAtAnyStepLeavesTheStateBeforeOrTheOneAfter) {
  const auto steady = Steady(tls::MakeAuthority({.key_type = KeyType::kEcdsaP256}));
  const auto prepared = Next(CaStep::kRotate, steady);
  const auto active = Next(CaStep::kActivate, prepared);
  const auto back = Next(CaStep::kDeactivate, active);
  const auto retired = Next(CaStep::kRetire, active);
  const auto withdrawn = Next(CaStep::kWithdraw, prepared);
  const std::pair<const Authorities*, const Authorities*> ways[] = {{&steady, &prepared},
                                                                    {&prepared, &withdrawn},
                                                                    {&prepared, &active},
                                                                    {&active, &back},
                                                                    {&active, &retired}};
  for (const auto& [from, to] : ways) {
    const std::size_t steps = StepsTo(*to).size();
    bool arrived = false;
    for (std::size_t killed = 0; killed <= steps; ++killed) {
      const fs::path state = Killed(*from, *to, killed);
      const auto read = LoadAuthorities(state);
      ASSERT_TRUE(read.ok()) << read.status();
      const std::string where = Text(NameOf(from->phase), " to ", NameOf(to->phase), ", ", killed);
      EXPECT_TRUE(Same(*read, *from) || Same(*read, *to)) << where;
      EXPECT_TRUE(!arrived || Same(*read, *to)) << where << ": it went back";
      arrived = Same(*read, *to);
      ExpectWhole(state, *read);
      const auto again = LoadAuthorities(state);
      EXPECT_TRUE(again.ok() && Same(*again, *read)) << where;
    }
    EXPECT_TRUE(arrived);
  }
}

TEST_F(StoredAuthoritiesTest, TheKeyOfACaThatWasRetiredOrWithdrawnIsNowhereOnDisk) {
  const auto steady = Steady(tls::MakeAuthority({.key_type = KeyType::kEcdsaP256}));
  const auto prepared = Next(CaStep::kRotate, steady);
  const auto active = Next(CaStep::kActivate, prepared);
  const auto retired = Next(CaStep::kRetire, active);
  const auto withdrawn = Next(CaStep::kWithdraw, prepared);
  const std::tuple<const Authorities*, const Authorities*, const tls::Authority*> ends[] = {
      {&active, &retired, &steady.issuing}, {&prepared, &withdrawn, &prepared.other}};
  for (const auto& [from, to, gone] : ends) {
    const fs::path state = Killed(*from, *to, StepsTo(*to).size());
    for (const auto& file : fs::directory_iterator(state)) {
      EXPECT_EQ(Content(file.path()).find(gone->private_key_pem), std::string::npos);
      EXPECT_EQ(Content(file.path()).find("\\n"), std::string::npos) << "nor as JSON has it";
    }
  }
}

// As the error of a damaged file says: it is removed, and ca.pem still has both.
TEST_F(StoredAuthoritiesTest, WithoutItsRotationTheKeysOwnCertificateAloneIsLeft) {
  const Authorities steady = Steady(tls::MakeAuthority({.key_type = KeyType::kEcdsaP256}));
  const auto prepared = After(CaStep::kRotate, steady);
  ASSERT_TRUE(prepared.ok());
  for (const CaStep step : {CaStep::kDeactivate, CaStep::kActivate}) {
    const auto left = After(step, *prepared);
    ASSERT_TRUE(left.ok());
    ASSERT_TRUE(StoreAuthorities(folder_, *left).ok());
    fs::remove(folder_ / "ca.rotation");
    const auto loaded = LoadAuthorities(folder_);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->issuing.certificate_pem, left->issuing.certificate_pem);
    EXPECT_EQ(ReadFile(folder_ / "ca.pem").value(), left->issuing.certificate_pem);
  }
}

TEST_F(StoredAuthoritiesTest, TheFirstStartMakesOneAndTheNextFindsIt) {
  const auto made = LoadAuthorities(folder_);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->phase, CaPhase::kSteady);
  ExpectWhole(folder_, *made);
  const auto found = LoadAuthorities(folder_);
  EXPECT_TRUE(found.ok() && Same(*found, *made));
}

TEST_F(StoredAuthoritiesTest, ADamagedRotationIsNamedWithItsRemedy) {
  const auto steady = Steady(tls::MakeAuthority({.key_type = KeyType::kEcdsaP256}));
  const auto prepared = Next(CaStep::kRotate, steady);
  ASSERT_TRUE(StoreAuthorities(folder_, prepared).ok());
  const std::string whole = Content(folder_ / "ca.rotation");
  const auto refused = [this](const std::string& text) {
    std::ofstream(folder_ / "ca.rotation") << text;
    const auto read = LoadAuthorities(folder_);
    return read.status().code() == absl::StatusCode::kDataLoss &&
           read.status().message().find("ca.rotation: damaged") != std::string::npos;
  };
  for (std::size_t size = 0; size + 2 < whole.size(); size += 97) {
    EXPECT_TRUE(refused(whole.substr(0, size))) << size;
  }
  EXPECT_TRUE(refused("[]"));
  EXPECT_TRUE(refused("{\"version\": 1, \"phase\": \"steady\"}"));
  EXPECT_TRUE(
      refused(std::string(whole).replace(whole.find("\"version\": 1"), 12, "\"version\": 2")));
  // The other's key beside a certificate.
  auto mixed = prepared;
  mixed.other.private_key_pem = steady.issuing.private_key_pem;
  EXPECT_TRUE(refused(StepsTo(mixed).front().text));
  // As the remedy says: the CA of ca.key goes on.
  fs::remove(folder_ / "ca.rotation");
  const auto alone = LoadAuthorities(folder_);
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(alone->phase, CaPhase::kSteady);
  EXPECT_TRUE(Trusts(steady.issuing.certificate_pem, ChainOf(*alone, KeyType::kEcdsaP256)));
}

}  // namespace
}  // namespace slipway::control
