package sns

// The inputs and outputs of telephones and devices. Members of the older actions begin with a small
// letter.

type phoneInput struct {
	PhoneNumber string `query:"phoneNumber"`
}

type optedOutOutput struct {
	IsOptedOut bool `query:"isOptedOut"`
}

type listOptedOutInput struct {
	NextToken string `query:"nextToken"`
}

type listOptedOutOutput struct {
	PhoneNumbers []string `query:"phoneNumbers"`
	NextToken    string   `query:"nextToken"`
}

type setSMSInput struct {
	Attributes map[string]string `query:"attributes"`
}

type getSMSInput struct {
	Attributes []string `query:"attributes"`
}

type smsAttributesOutput struct {
	Attributes map[string]string `query:"attributes"`
}

type sandboxInput struct {
	PhoneNumber  string
	LanguageCode string
}

type verifySandboxInput struct {
	PhoneNumber     string
	OneTimePassword string
}

type listNumbersInput struct {
	NextToken  string
	MaxResults *int32
}

type sandboxOutput struct {
	PhoneNumber string
	Status      string
}

type listSandboxOutput struct {
	PhoneNumbers []sandboxOutput
	NextToken    string
}

type sandboxStatusOutput struct {
	IsInSandbox bool
}

// originationOutput lists numbers to send from, of which there are none.
type originationOutput struct {
	PhoneNumbers []string
}

type createApplicationInput struct {
	Name       string
	Platform   string
	Attributes map[string]string
}

type applicationInput struct {
	PlatformApplicationARN string `query:"PlatformApplicationArn"`
}

type applicationOutput struct {
	PlatformApplicationARN string `query:"PlatformApplicationArn"`
}

type setApplicationInput struct {
	PlatformApplicationARN string `query:"PlatformApplicationArn"`
	Attributes             map[string]string
}

type applicationListed struct {
	PlatformApplicationARN string `query:"PlatformApplicationArn"`
	Attributes             map[string]string
}

type listApplicationsOutput struct {
	PlatformApplications []applicationListed
	NextToken            string
}

type createEndpointInput struct {
	PlatformApplicationARN string `query:"PlatformApplicationArn"`
	Token                  string
	CustomUserData         string
	Attributes             map[string]string
}

type endpointInput struct {
	EndpointARN string `query:"EndpointArn"`
}

type endpointOutput struct {
	EndpointARN string `query:"EndpointArn"`
}

type setEndpointInput struct {
	EndpointARN string `query:"EndpointArn"`
	Attributes  map[string]string
}

type listEndpointsInput struct {
	PlatformApplicationARN string `query:"PlatformApplicationArn"`
	NextToken              string
}

type endpointListed struct {
	EndpointARN string `query:"EndpointArn"`
	Attributes  map[string]string
}

type listEndpointsOutput struct {
	Endpoints []endpointListed
	NextToken string
}
