package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/portico-mq/portico/adapters/awsidentity"
	"github.com/portico-mq/portico/adapters/awsproto"
)

type group struct {
	Path       string
	GroupName  string
	GroupID    string `query:"GroupId"`
	ARN        string `query:"Arn"`
	CreateDate string
}

func groupOf(e *awsidentity.Entity) group {
	return group{e.Path, e.Name, e.ID, e.ARN(), stamp(e.Created)}
}

type groupOutput struct{ Group group }

type getGroupOutput struct {
	Group group
	Users []user
	listed
}

type listGroupsOutput struct {
	Groups []group
	listed
}

func (a *adapter) createGroup(_ context.Context, c *awsproto.Call, in *input) (*groupOutput, error) {
	e, err := a.newEntity(c, in, awsidentity.Group, "AGPA")
	if err == nil {
		err = a.directory.Create(e)
	}
	if err != nil {
		return nil, err
	}
	return &groupOutput{groupOf(e)}, nil
}

func (a *adapter) getGroup(_ context.Context, c *awsproto.Call, in *input) (*getGroupOutput, error) {
	e, err := a.directory.Get(awsidentity.Group, c.Account, in.GroupName)
	if err != nil {
		return nil, err
	}
	members := slices.DeleteFunc(a.directory.List(awsidentity.User, c.Account, "/"), func(u *awsidentity.Entity) bool { return !u.In(e.Name) })
	items, rest, err := page(in, members)
	if err != nil {
		return nil, err
	}
	out := &getGroupOutput{groupOf(e), make([]user, 0, len(items)), rest}
	for _, u := range items {
		out.Users = append(out.Users, userOf(u))
	}
	return out, nil
}

func (a *adapter) listGroups(_ context.Context, c *awsproto.Call, in *input) (*listGroupsOutput, error) {
	return groupPage(in, a.directory.List(awsidentity.Group, c.Account, in.PathPrefix))
}

func (a *adapter) listGroupsForUser(_ context.Context, c *awsproto.Call, in *input) (*listGroupsOutput, error) {
	e, err := a.directory.Get(awsidentity.User, c.Account, in.UserName)
	if err != nil {
		return nil, err
	}
	all := a.directory.List(awsidentity.Group, c.Account, "/")
	return groupPage(in, slices.DeleteFunc(all, func(g *awsidentity.Entity) bool { return !e.In(g.Name) }))
}

func groupPage(in *input, all []*awsidentity.Entity) (*listGroupsOutput, error) {
	items, rest, err := page(in, all)
	if err != nil {
		return nil, err
	}
	out := &listGroupsOutput{make([]group, 0, len(items)), rest}
	for _, g := range items {
		out.Groups = append(out.Groups, groupOf(g))
	}
	return out, nil
}

func (a *adapter) addUserToGroup(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	g, err := a.directory.Get(awsidentity.Group, c.Account, in.GroupName)
	if err != nil {
		return nil, err
	}
	return nil, a.directory.Change(awsidentity.User, c.Account, in.UserName, func(e *awsidentity.Entity) error {
		if !e.In(g.Name) {
			e.Groups = append(e.Groups, g.Name)
		}
		return nil
	})
}

func (a *adapter) removeUserFromGroup(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	if _, err := a.directory.Get(awsidentity.Group, c.Account, in.GroupName); err != nil {
		return nil, err
	}
	return nil, a.directory.Change(awsidentity.User, c.Account, in.UserName, func(e *awsidentity.Entity) error {
		e.Groups = slices.DeleteFunc(e.Groups, func(g string) bool { return strings.EqualFold(g, in.GroupName) })
		return nil
	})
}
